"""When a full maintenance begins, streams of events are completed, and other answers run out.

Spoken in plain ASGI here, message by message; `tests/servers` does it with real servers.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from fastapi_maintenance.windows import OFF
from tests.unit.gated import ON
from tests.unit.making import Held
from tests.unit.streaming import Client, shop

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("spec_version", ["2.0", "2.3", "2.4"])
async def test_a_stream_of_events_is_completed_and_its_generator_ended(spec_version: str) -> None:
    held = Held(OFF)
    app = shop(backend=held)
    client = Client(app, "http", "/events", spec_version)
    await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    await client.sees(lambda sent: sent[-1].get("more_body") is False)
    assert client.sent[-1]["body"] == b""
    with anyio.fail_after(10):
        await client.task
        while app.state.ended != ["ticks"]:
            await asyncio.sleep(0.01)
    assert client.sent[-1]["more_body"] is False


async def test_generators_end_at_once_and_not_when_garbage_is_collected() -> None:
    """Also one that has an event to send in the very moment in which its stream is ended."""
    more, ended = asyncio.Event(), []

    async def ticks() -> AsyncIterator[str]:
        try:
            while True:
                yield "data: tick\n\n"
                await more.wait()
                more.clear()
        finally:
            ended.append("ticks")

    async def events() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    app = shop(backend=(held := Held(OFF)))
    app.add_api_route("/ticks", events)
    client = Client(app, "http", "/ticks")
    gc.disable()
    try:
        await client.sees(lambda sent: len(sent) > 1)
        held.held = ON
        await client.sees(lambda sent: sent[-1].get("more_body") is False)
        more.set()
        with anyio.fail_after(10):
            await client.task
        assert ended == ["ticks"]
    finally:
        gc.enable()


async def test_a_generator_that_never_waits_ends_too() -> None:
    """What it sends is the only place where it hears of a cancellation."""

    async def ticks() -> AsyncIterator[str]:
        while True:
            yield "data: tick\n\n"

    async def events() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    app = shop(backend=(held := Held(OFF)))
    app.add_api_route("/ticks", events)
    client = Client(app, "http", "/ticks")
    client.hesitates = True
    await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    with anyio.fail_after(10):
        await client.task


def _of_no_stream(app: Any) -> Any:
    """Enough answers to show what an application does."""

    async def ask() -> None:
        for _ in range(300):
            await Client(app, "http", "/openapi.json").task

    return ask()


@pytest.mark.parametrize("accept", [b"text/event-stream", b"application/json"])
async def test_after_many_other_answers_a_stream_of_events_is_still_seen(accept: bytes) -> None:
    """One who asks for events is always looked at, of the others one in a while."""
    held = Held(OFF)
    app = shop(backend=held)
    await _of_no_stream(app)
    clients = []
    for _ in range(1 if accept == b"text/event-stream" else 65):
        clients.append(Client(app, "http", "/events", headers=[(b"accept", accept)]))
        await clients[-1].sees(lambda sent: len(sent) > 1)
    late = Client(app, "http", "/events")
    await late.sees(lambda sent: len(sent) > 1)
    held.held = ON
    seen = clients if accept == b"text/event-stream" else [late]
    for client in seen:
        await client.sees(lambda sent: sent[-1].get("more_body") is False)
    for client in [*clients, late]:
        client.task.cancel()
    await asyncio.gather(*(c.task for c in [*clients, late]), return_exceptions=True)


@pytest.mark.parametrize("made_by", ["response_class", "mounted", "sse_starlette"])
async def test_who_is_made_to_stream_events_is_always_looked_at(
    made_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Events(StreamingResponse):
        media_type = "text/event-stream"

    held = Held(OFF)
    typed, app = FastAPI(), shop(backend=held)
    if made_by == "response_class":
        app.get("/typed", response_class=Events)(lambda: None)
    if made_by == "mounted":
        typed.get("/typed", response_class=Events)(lambda: None)
        app.mount("/below", typed)
    if made_by == "sse_starlette":
        monkeypatch.setitem(sys.modules, "sse_starlette", sys)
    await _of_no_stream(app)
    client = Client(app, "http", "/events")
    await client.sees(lambda sent: len(sent) > 1)
    held.held = ON
    await client.sees(lambda sent: sent[-1].get("more_body") is False)
    with anyio.fail_after(10):
        await client.task


async def test_what_is_always_looked_at_does_not_keep_others_from_being_sampled() -> None:
    held = Held(OFF)
    app = shop(backend=held)
    await _of_no_stream(app)
    clients = []
    for _ in range(80):
        await Client(app, "http", "/nothing", method="POST").task
        clients.append(Client(app, "http", "/events"))
        await clients[-1].sees(lambda sent: len(sent) > 1)
    held.held = ON
    await clients[-1].sees(lambda sent: sent[-1].get("more_body") is False)
    for client in clients:
        client.task.cancel()
    await asyncio.gather(*(client.task for client in clients), return_exceptions=True)


async def test_an_application_that_is_mounted_in_itself_can_be_looked_into() -> None:
    app = shop(backend=Held(OFF))
    app.mount("/again", app)
    await Client(app, "http", "/again/again/openapi.json").task


async def test_streams_that_answer_a_post_are_always_seen() -> None:
    """As those of language models, which no EventSource asks for."""
    held = Held(OFF)
    app = shop(backend=held)
    app.post("/chat")(app.routes[-2].endpoint)  # type: ignore[attr-defined]
    await _of_no_stream(app)
    clients = [Client(app, "http", "/chat", method="POST") for _ in range(5)]
    for client in clients:
        await client.sees(lambda sent: len(sent) > 1)
    held.held = ON
    for client in clients:
        await client.sees(lambda sent: sent[-1].get("more_body") is False)
        with anyio.fail_after(10):
            await client.task


async def test_an_ordinary_stream_runs_out() -> None:
    held = Held(OFF)
    client = Client(shop(backend=held), "http", "/lines")
    await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    with anyio.fail_after(30):
        await client.task
    assert b"".join(m.get("body", b"") for m in client.sent).endswith(b"99\n")
