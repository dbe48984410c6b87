"""kopf in a thread of its own: what it sees arrives, and when it ends, that is known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import kopf
import pytest

from fastapi_maintenance_operator import watcher
from fastapi_maintenance_operator.watcher import Watcher, WatcherDied

pytestmark = pytest.mark.anyio

Observe = Callable[[str | None, dict[str, Any]], None]
Body = Callable[[Observe], Awaitable[None]]


class Listener:
    """Stands where the controller stands."""

    def __init__(self) -> None:
        self.seen: list[tuple[str | None, dict[str, Any], threading.Thread]] = []
        self.told = asyncio.Event()

    def observe(self, kind: str | None, item: dict[str, Any]) -> None:
        self.seen.append((kind, item, threading.current_thread()))
        self.told.set()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def kopf_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Body], dict[str, Any]]:
    """Lets a function stand where kopf stands; gives the arguments that kopf was called with."""

    def replace(body: Body) -> dict[str, Any]:
        given: dict[str, Any] = {}

        async def operator(*, registry: Observe, **options: Any) -> None:
            given.update(options)
            await body(registry)

        monkeypatch.setattr(watcher, "make_registry", lambda observe, _: observe)
        monkeypatch.setattr(kopf, "operator", operator)
        return given

    return replace


def watch(listener: Listener, namespace: str | None = None) -> tuple[Watcher, list[int]]:
    noticed: list[int] = []
    controller: Any = listener
    return Watcher(controller, namespace, lambda: noticed.append(1)), noticed


async def follow(listener: Listener, namespace: str | None = None) -> tuple[Watcher, list[int]]:
    """Watch until something was seen."""
    subject, noticed = watch(listener, namespace)
    async with subject:
        await asyncio.wait_for(listener.told.wait(), 30)
    return subject, noticed


async def for_ever(_: Observe) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("namespace", "where"), [(None, {"clusterwide": True}), ("shop", {"namespaces": ["shop"]})]
)
async def test_what_is_seen_arrives_in_the_thread_of_the_controller(
    listener: Listener,
    kopf_does: Callable[[Body], dict[str, Any]],
    namespace: str | None,
    where: dict[str, Any],
) -> None:
    async def body(observe: Observe) -> None:
        observe("ADDED", {"name": "lunch"})
        await for_ever(observe)

    given = kopf_does(body)
    _, noticed = await follow(listener, namespace)
    assert listener.seen == [("ADDED", {"name": "lunch"}, threading.current_thread())]
    assert noticed == [1]
    assert given.pop("memories")
    assert given == {"standalone": True, **where}


async def test_the_thread_ends_with_the_block(
    listener: Listener, kopf_does: Callable[[Body], dict[str, Any]]
) -> None:
    kopf_does(for_ever)
    subject, _ = watch(listener)
    async with subject:
        assert "watcher" in {thread.name for thread in threading.enumerate()}
    assert "watcher" not in {thread.name for thread in threading.enumerate()}


async def returns(_: Observe) -> None:
    """As kopf does when one of its tasks ends."""


async def fails(_: Observe) -> None:
    raise RuntimeError("no right to watch")


@pytest.mark.parametrize(
    ("body", "reason"), [(returns, "it stopped"), (fails, "RuntimeError: no right to watch")]
)
async def test_an_end_of_kopf_is_told_with_its_reason(
    listener: Listener, kopf_does: Callable[[Body], dict[str, Any]], body: Body, reason: str
) -> None:
    kopf_does(body)
    subject, _ = watch(listener)
    async with subject:
        with pytest.raises(WatcherDied, match=reason):
            await asyncio.wait_for(subject.watch(), 30)


def test_what_is_seen_when_nobody_waits_for_it_any_more_is_no_news(
    listener: Listener, kopf_does: Callable[[Body], dict[str, Any]]
) -> None:
    """As where kopf takes longer to end than it is waited for, on a busy machine."""
    over, came = threading.Event(), list[bool]()

    async def late(observe: Observe) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            over.wait(60)
            observe("MODIFIED", {})
            came.append(True)

    async def lead() -> Watcher:
        following, _ = watch(listener)
        async with following:
            return following

    kopf_does(late)
    following = asyncio.run(lead())
    over.set()
    following._thread.join(60)
    assert came == [True]


@asynccontextmanager
async def connection() -> AsyncIterator[None]:
    yield


async def stream() -> AsyncIterator[int]:
    while True:
        async with connection():
            yield 0


async def test_streams_that_kopf_leaves_open_are_closed_without_a_word(
    listener: Listener,
    kopf_does: Callable[[Body], dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In whatever order: of so many some are closed from within."""
    streams = [stream() for _ in range(20)]

    async def body(observe: Observe) -> None:
        for each in streams:
            await anext(each)
        observe("ADDED", {})
        await for_ever(observe)

    kopf_does(body)
    subject, _ = await follow(listener)
    subject._thread.join(60)
    assert caplog.messages == []


async def test_what_else_goes_wrong_unseen_is_told(
    listener: Listener,
    kopf_does: Callable[[Body], dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body(observe: Observe) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "a task was lost"})
        observe("ADDED", {})
        await for_ever(observe)

    kopf_does(body)
    await follow(listener)
    assert "a task was lost" in caplog.text
