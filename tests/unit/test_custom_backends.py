"""Backends of somebody's own: of any shape, asked on each request, in whatever event loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fastapi_maintenance import (
    EnvVarBackend,
    LocalFileBackend,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends import BaseStateBackend
from tests.unit.asked import BOTH, Answers, AnswersPlainly, asking_at_once, shop, status

# Shapes.


@BOTH
@pytest.mark.parametrize(("value", "expected"), [(True, 503), (False, 200)])
def test_plain_and_async_ones_need_no_base_class(
    kind: type[Answers], value: bool, expected: int
) -> None:
    assert status(kind(value)) == expected


@BOTH
def test_it_is_asked_on_each_request(kind: type[Answers]) -> None:
    backend = kind()
    client = TestClient(shop(backend))
    for value, expected in ((False, 200), (True, 503), (False, 200)):
        backend.value = value
        assert client.get("/orders").status_code == expected
    assert backend.calls == ["get"] * 3


@BOTH
@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 503), (0, 200), (None, 200), ("on", 503), ("0", 200), ("", 200), ("off", 200)],
)
def test_what_else_it_may_say(kind: type[Answers], value: Any, expected: int) -> None:
    assert status(kind(value)) == expected


def test_it_may_say_that_writes_are_refused() -> None:
    client = TestClient(shop(Answers("read-only")))
    assert client.get("/orders").status_code == 200
    assert client.post("/orders").status_code == 503


def test_a_word_that_says_nothing_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    backend = Answers(True)
    client = TestClient(shop(backend))
    assert client.get("/orders").status_code == 503
    backend.value = "perhaps"
    assert client.get("/orders").status_code == 503
    assert "backend Answers: ValueError: 'perhaps' is none of the known words" in caplog.text


def test_callables_that_are_no_functions() -> None:
    class AsksLater:
        async def __call__(self) -> bool:
            return True

    class Holder:
        get_value = AsksLater()

    assert status(Holder()) == 503


# Of 0.0.5, with attributes of any name, and without super().__init__().


class Published(BaseStateBackend):
    """Its own attributes, one of which may be called as one of ours."""

    def __init__(self, **attributes: Any) -> None:
        self.stored = True
        for name, value in attributes.items():
            setattr(self, name, value)

    async def get_value(self) -> bool:
        return self.stored

    async def set_value(self, value: bool) -> None:
        self.stored = value


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name",
    [
        "block", "blocks", "close", "close_block", "decide", "inner", "key", "members",
        "open_block", "poll", "probes_pass", "ready", "start", "state", "wait_until_ready",
    ],
)  # fmt: skip
async def test_its_attributes_are_its_own(name: str) -> None:
    backend = Published(**{name: "mine"})
    assert getattr(backend, name) == "mine"
    app = shop(backend)
    async with asking_at_once(app) as client:
        assert (await client.get("/orders")).status_code == 503
        await set_maintenance_mode(False, backend)
        assert backend.stored is False
        assert (await client.get("/orders")).status_code == 200
        async with maintenance_mode_on(backend):
            assert await get_maintenance_mode(backend)
            assert (await client.get("/orders")).status_code == 503
        assert not await get_maintenance_mode(backend)
    assert getattr(backend, name) == "mine"


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["state", "ready", "close", "start", "decide", "block", "key"])
async def test_its_methods_are_its_own(name: str) -> None:
    def mine(self: Any, *arguments: Any) -> str:
        raise AssertionError(f"{name} is nobody's business")

    kind = type("PublishedToo", (Published,), {name: mine})
    backend = kind()
    async with asking_at_once(shop(backend)) as client:
        assert (await client.get("/orders")).status_code == 503
        async with maintenance_mode_off(backend):
            assert (await client.get("/orders")).status_code == 200


@pytest.mark.parametrize("base", [EnvVarBackend, LocalFileBackend])
def test_one_of_ours_that_is_asked_otherwise(base: Any, tmp_path: Path) -> None:
    """Whoever overrides get_value means it."""

    class Mine(base):  # type: ignore[misc]
        async def get_value(self) -> bool:
            return True

    assert status(Mine(str(tmp_path / "none"))) == 503


def test_helpers_for_words_are_there() -> None:
    assert [Published._str_to_bool(word) for word in ("Yes", " 1 ", "off", "")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(ValueError, match="none of the known words: 0, 1, f"):
        Published._str_to_bool("perhaps")
    assert [Published._bool_to_str(value) for value in (True, False)] == ["1", "0"]


# Event loops.


@BOTH
@pytest.mark.parametrize("interval", [None, 0.01, 60])
def test_each_request_may_have_an_event_loop_of_its_own(
    kind: type[Answers], interval: float | None
) -> None:
    backend = kind(True)
    backend.poll_interval = interval  # type: ignore[attr-defined]
    client = TestClient(shop(backend))
    for path in ("/orders", "/plain") * 5:
        assert client.get(path).status_code == 503
    asyncio.run(set_maintenance_mode(False, backend))
    assert client.get("/plain").status_code == 200


def test_event_loops_at_the_same_time() -> None:
    backend = AnswersPlainly(True)
    app = shop(backend)
    seen: list[int] = []

    def ask() -> None:
        client = TestClient(app)
        seen.extend(client.get("/orders").status_code for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [503] * 20
