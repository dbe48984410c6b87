"""Backends of somebody's own: asked within bounds, believed as long as they are silent."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from fastapi_maintenance import (
    EnvVarBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends import BaseStateBackend
from fastapi_maintenance.backends.anyof import as_backend
from fastapi_maintenance.windows import OFF, Mode, Opening, switched
from tests.unit.making import Held
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
ON = switched(Opening())
WRITES = switched(Opening(Mode.READ_ONLY))


def shop(backend: Any, **options: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=backend, **options)

    @app.get("/orders")
    async def orders() -> str:
        return "a book"

    @app.get("/plain")
    def plain() -> str:
        return "a book"

    app.post("/orders")(orders)
    return app


def status(backend: Any, **options: Any) -> int:
    return TestClient(shop(backend, **options)).get("/orders").status_code


@contextmanager
def asking(backend: Any) -> Iterator[TestClient]:
    """A client whose requests share an event loop."""
    with TestClient(shop(backend)) as client:
        yield client


def asking_at_once(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


class Answers:
    """Says what the test lets it say; duck-typed."""

    backend_timeout = 0.2

    def __init__(self, value: Any = False) -> None:
        self.value = value
        self.calls: list[Any] = []

    async def get_value(self) -> Any:
        self.calls.append("get")
        value = self.value
        if isinstance(value, BaseException):
            raise value
        return await value() if callable(value) else value

    async def set_value(self, value: bool) -> None:
        self.calls.append(value)
        self.value = value


class AnswersPlainly(Answers):
    def get_value(self) -> Any:
        self.calls.append("get")
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value() if callable(self.value) else self.value

    def set_value(self, value: bool) -> None:  # type: ignore[override]
        self.calls.append(value)
        self.value = value


BOTH = pytest.mark.parametrize("kind", [Answers, AnswersPlainly])


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


# Silence.


async def hang() -> Any:
    await asyncio.sleep(60)


class Hanging(AnswersPlainly):
    """Plain, and hangs in `get_value` until the test is over."""

    def __init__(self, value: Any = False) -> None:
        super().__init__(value)
        self.hangs = False
        self.over = threading.Event()
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def get_value(self) -> Any:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            if self.hangs:
                self.over.wait(60)
            return super().get_value()
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    backend = Hanging(True)
    yield backend
    backend.over.set()


def test_one_that_hangs_is_waited_for_no_longer_than_it_says() -> None:
    backend = Answers(True)
    with asking(backend) as client:
        assert client.get("/orders").status_code == 503
        backend.value = hang
        began = time.monotonic()
        assert client.get("/orders").status_code == 503
        assert 0.15 < time.monotonic() - began < 2


def test_one_that_hangs_from_the_beginning_refuses_nothing() -> None:
    assert status(Answers(hang)) == 200


def test_a_thread_that_hangs_is_waited_for_no_longer(hanging: Hanging) -> None:
    with asking(hanging) as client:
        assert client.get("/orders").status_code == 503
        hanging.hangs = True
        began = time.monotonic()
        assert client.get("/orders").status_code == 503
        assert 0.15 < time.monotonic() - began < 2


def test_while_it_hangs_not_every_request_waits(hanging: Hanging) -> None:
    hanging.backend_timeout = 1.0
    with asking(hanging) as client:
        assert client.get("/orders").status_code == 503
        hanging.hangs = True
        client.get("/orders")
        began = time.monotonic()
        for _ in range(5):
            client.get("/orders")
        assert time.monotonic() - began < 0.9


def test_a_backend_that_hangs_gathers_no_threads(hanging: Hanging) -> None:
    """It may hang for hours; each question that was given up still has its thread."""
    hanging.backend_timeout = 0.02
    with asking(hanging) as client:
        client.get("/orders")
        hanging.hangs = True
        until = time.monotonic() + 2
        while time.monotonic() < until:
            client.get("/orders")
        assert hanging.most <= 16


@pytest.mark.anyio
async def test_one_that_hangs_leaves_others_their_threads(hanging: Hanging) -> None:
    """Sixteen requests at once to one application once silenced the backend of another."""
    hanging.hangs = True
    good = AnswersPlainly(True)
    async with asking_at_once(shop(hanging)) as stuck, asking_at_once(shop(good)) as well:
        await asyncio.gather(*(stuck.get("/orders") for _ in range(16)))
        assert (await well.get("/orders")).status_code == 503


@pytest.mark.anyio
async def test_the_applications_own_threads_stay_its_own(hanging: Hanging) -> None:
    hanging.hangs = True
    hanging.backend_timeout = 1.0
    async with asking_at_once(shop(hanging)) as client:
        waiting = [asyncio.create_task(client.get("/orders")) for _ in range(60)]
        await asyncio.sleep(0.2)
        with anyio.fail_after(0.5):
            assert await anyio.to_thread.run_sync(lambda: 1) == 1
            assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200}


EXITS = """
import asyncio, threading, time
from fastapi_maintenance.backends.anyof import as_backend

class Hangs:
    backend_timeout = 0.1
    def get_value(self):
        time.sleep(20)

backend = as_backend(Hangs())
asyncio.run(backend.wait_until_ready())
print("done", flush=True)
"""


def test_a_thread_that_hangs_does_not_delay_the_end_of_the_process() -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", EXITS], cwd=ROOT, capture_output=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"done\n"), done.stderr.decode()
    assert time.monotonic() - began < 12


# Failure.


@BOTH
def test_one_that_raises_from_the_beginning_refuses_nothing(
    kind: type[Answers], caplog: pytest.LogCaptureFixture
) -> None:
    backend = kind(ConnectionError("gone"))
    client = TestClient(shop(backend))
    for _ in range(3):
        assert client.get("/orders").status_code == 200
    assert _told(caplog) == [
        f"backend {kind.__name__}: ConnectionError: gone; maintenance is unchanged"
    ]
    backend.value = True
    assert client.get("/orders").status_code == 503


@BOTH
@pytest.mark.parametrize(("value", "expected"), [(True, 503), (False, 200)])
def test_one_that_raises_later_keeps_what_is_known(
    kind: type[Answers], value: bool, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    backend = kind(value)
    client = TestClient(shop(backend))
    client.get("/orders")
    backend.value = ConnectionError("gone")
    for _ in range(3):
        assert client.get("/orders").status_code == expected
    backend.value = value
    for _ in range(2):
        client.get("/orders")
    name = kind.__name__
    assert _told(caplog) == [
        f"backend {name}: ConnectionError: gone; maintenance is unchanged",
        f"backend {name} answers again",
    ]


def test_another_problem_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    backend = Answers(ConnectionError("gone"))
    client = TestClient(shop(backend))
    for value in (ConnectionError("gone"), PermissionError("no"), PermissionError("no")):
        backend.value = value
        client.get("/orders")
    assert len(_told(caplog)) == 2


@BOTH
def test_one_that_is_cancelled_from_within_fails_no_request(kind: type[Answers]) -> None:
    """As a client library does whose own task was cancelled."""
    backend = kind(True)
    client = TestClient(shop(backend))
    assert client.get("/orders").status_code == 503
    backend.value = asyncio.CancelledError()
    assert client.get("/orders").status_code == 503


@pytest.mark.anyio
async def test_a_request_that_is_cancelled_meanwhile_stays_cancelled() -> None:
    backend = Answers(hang)
    backend.backend_timeout = 60
    async with asking_at_once(shop(backend)) as client:
        task = asyncio.create_task(client.get("/orders"))
        while not backend.calls:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.name == "fastapi_maintenance.backends.asked"]


# One question for an interval.


@BOTH
def test_with_an_interval_it_is_asked_once_in_it(kind: type[Answers]) -> None:
    backend = kind(True)
    backend.poll_interval = 0.3  # type: ignore[attr-defined]
    began = time.monotonic()

    def most() -> float:
        return 1 + (time.monotonic() - began) / 0.3

    with asking(backend) as client:
        for _ in range(20):
            assert client.get("/orders").status_code == 503
        assert 1 <= len(backend.calls) <= most()
        backend.value = False
        wait_for(lambda: client.get("/orders").status_code == 200, 10, "the next question")
    assert 2 <= len(backend.calls) <= most()


@pytest.mark.anyio
async def test_when_the_interval_is_over_one_request_asks_and_the_others_do_not_wait() -> None:
    backend = Answers(True)
    backend.poll_interval = 0.1  # type: ignore[attr-defined]
    backend.backend_timeout = 30
    async with asking_at_once(shop(backend)) as client:
        assert (await client.get("/orders")).status_code == 503
        await asyncio.sleep(0.15)
        may_answer = asyncio.Event()
        backend.calls.clear()

        async def answer() -> bool:
            await may_answer.wait()
            return False

        backend.value = answer
        backend.poll_interval = 60  # type: ignore[attr-defined]
        first = asyncio.create_task(client.get("/orders"))
        while not backend.calls:
            await asyncio.sleep(0)
        with anyio.fail_after(5):
            others = [await client.get("/orders") for _ in range(3)]
        assert [other.status_code for other in others] == [503] * 3
        may_answer.set()
        assert (await first).status_code == 200


@pytest.mark.anyio
async def test_the_first_requests_all_wait_for_the_first_answer() -> None:
    """So that a process which is born during maintenance never serves."""
    backend = Answers(True)
    backend.poll_interval = 60  # type: ignore[attr-defined]
    backend.backend_timeout = 30
    may_answer = asyncio.Event()

    async def answer() -> bool:
        await may_answer.wait()
        return True

    backend.value = answer
    async with asking_at_once(shop(backend)) as client:
        tasks = [asyncio.create_task(client.get("/orders")) for _ in range(5)]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in tasks)
        may_answer.set()
        answers = await asyncio.gather(*tasks)
    assert [answer.status_code for answer in answers] == [503] * 5


@pytest.mark.anyio
async def test_a_question_that_was_cancelled_was_none() -> None:
    """The client that asked first has left: the next one asks."""
    backend = Answers(True)
    backend.poll_interval = 0.05  # type: ignore[attr-defined]
    backend.backend_timeout = 30
    async with asking_at_once(shop(backend)) as client:
        await client.get("/orders")
        adapter = as_backend(backend)
        adapter.poll_interval = 60
        await asyncio.sleep(0.1)
        backend.calls.clear()
        backend.value = hang
        task = asyncio.create_task(client.get("/orders"))
        while not backend.calls:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        backend.value = False
        assert (await client.get("/orders")).status_code == 200


# Writing.


@BOTH
@pytest.mark.anyio
async def test_what_is_written_governs_the_very_next_request(kind: type[Answers]) -> None:
    backend = kind(False)
    backend.poll_interval = 60  # type: ignore[attr-defined]
    async with asking_at_once(shop(backend)) as client:
        for value, expected in ((True, 503), (False, 200)):
            assert (await client.get("/orders")).status_code != expected
            await set_maintenance_mode(value, backend)
            assert (await client.get("/orders")).status_code == expected


@pytest.mark.anyio
async def test_an_answer_from_before_a_write_does_not_undo_it() -> None:
    """The question was under way when it was written."""
    backend = Answers(False)
    backend.poll_interval = 60  # type: ignore[attr-defined]
    backend.backend_timeout = 30
    may_answer = asyncio.Event()

    async def old_answer() -> bool:
        await may_answer.wait()
        return False

    async with asking_at_once(shop(backend)) as client:
        backend.value = old_answer
        asked = asyncio.create_task(client.get("/orders"))
        while not backend.calls:
            await asyncio.sleep(0)
        await set_maintenance_mode(True, backend)
        may_answer.set()
        await asked
        assert (await client.get("/orders")).status_code == 503


@pytest.mark.anyio
async def test_a_write_that_fails_is_the_callers_to_know() -> None:
    class ReadOnly(Answers):
        async def set_value(self, value: bool) -> None:
            raise PermissionError("no")

    backend = ReadOnly(False)
    with pytest.raises(PermissionError, match="no"):
        await set_maintenance_mode(True, backend)
    assert not await get_maintenance_mode(backend)


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


# Several as one.


@pytest.mark.parametrize(
    ("members", "read", "write"),
    [
        ([OFF, OFF], 200, 200),
        ([OFF, ON], 503, 503),
        ([ON, OFF], 503, 503),
        ([OFF, WRITES], 200, 503),
        ([WRITES, ON], 503, 503),
    ],
)
def test_any_refuses_and_the_strictest_wins(members: list[Any], read: int, write: int) -> None:
    client = TestClient(shop([Held(state) for state in members]))
    assert client.get("/orders").status_code == read
    assert client.post("/orders").status_code == write


@pytest.mark.parametrize("sequence", [list, tuple, iter])
def test_nested_sequences_of_any_kind(sequence: Callable[[Any], Any]) -> None:
    first, second, third = Answers(False), AnswersPlainly(False), Held(OFF)
    app = shop(sequence([first, sequence([second, third])]))
    client = TestClient(app)
    assert client.get("/orders").status_code == 200
    third.held = ON
    assert client.get("/orders").status_code == 503
    third.held, second.value = OFF, True
    assert client.get("/orders").status_code == 503


def test_a_sequence_of_one_is_that_one() -> None:
    backend = Held(ON)
    assert as_backend([backend]) is backend


@pytest.mark.anyio
async def test_several_are_asked_at_the_same_time() -> None:
    async def slow() -> bool:
        await asyncio.sleep(0.3)
        return False

    backends = [Answers(slow) for _ in range(3)]
    for backend in backends:
        backend.backend_timeout = 30
    began = time.monotonic()
    await as_backend(backends).wait_until_ready()
    assert time.monotonic() - began < 0.8


def test_one_that_is_down_leaves_the_others_their_say() -> None:
    assert status([Answers(ConnectionError("gone")), Answers(hang), Answers(True)]) == 503


@pytest.mark.anyio
async def test_what_is_written_goes_to_the_first() -> None:
    first, second = Answers(False), Answers(False)
    app = shop([first, second])
    await set_maintenance_mode(True, [first, second])
    assert (first.value, second.value) == (True, False)
    async with asking_at_once(app) as client:
        assert (await client.get("/orders")).status_code == 503


@pytest.mark.anyio
async def test_a_block_of_one_member_says_what_holds_for_that_one() -> None:
    first, second = Held(ON), Held(OFF)
    async with asking_at_once(shop([first, second])) as client:
        async with maintenance_mode_on(second):
            assert (await client.get("/orders")).status_code == 503
            async with maintenance_mode_off(first):
                assert (await client.get("/orders")).status_code == 503
        async with maintenance_mode_off(first):
            assert (await client.get("/orders")).status_code == 200
        assert (await client.get("/orders")).status_code == 503


@pytest.mark.anyio
@pytest.mark.parametrize("enabled", [True, False])
async def test_a_block_of_one_member_wins_over_the_argument(enabled: bool) -> None:
    first, second = Held(OFF), Held(OFF)
    app = shop([first, second], enable_maintenance=enabled)
    block = maintenance_mode_off(second) if enabled else maintenance_mode_on(second)
    async with asking_at_once(app) as client, block:
        assert (await client.get("/orders")).status_code == (200 if enabled else 503)


@pytest.mark.anyio
async def test_off_for_a_sequence_is_off_whatever_its_members_say() -> None:
    """ "No maintenance while a block runs, whatever the backend says"."""
    backends = [Held(OFF), Held(ON)]
    async with asking_at_once(shop(backends)) as client:
        assert (await client.get("/orders")).status_code == 503
        async with maintenance_mode_off(backends):
            assert (await client.get("/orders")).status_code == 200
        assert (await client.get("/orders")).status_code == 503


@pytest.mark.parametrize(
    "given", [[], (), [[]], Answers, EnvVarBackend, "file", b"file", 7, object(), [object()]]
)
def test_what_is_no_backend_is_refused_with_the_mend(given: Any) -> None:
    with pytest.raises(TypeError, match=r"is no backend: give an object with get_value"):
        MaintenanceModeMiddleware(FastAPI(), backend=given)
