"""A backend of somebody's own that hangs or fails is asked within bounds; its last word is kept."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from fastapi_maintenance.backends.anyof import as_backend
from tests.unit.asked import (
    BOTH,
    Answers,
    AnswersPlainly,
    asking,
    asking_at_once,
    hang,
    shop,
    status,
)

ROOT = Path(__file__).parents[2]


class Hanging(AnswersPlainly):
    """Plain, and hangs in `get_value` until the test is over."""

    def __init__(self, value: Any = False) -> None:
        super().__init__(value)
        self.hangs = False
        self.over = threading.Event()
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def hang(self, patience: float) -> None:
        """From now on, and be waited for so long: what it said before may have come late."""
        self.hangs = True
        as_backend(self).backend_timeout = patience

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
    backend.backend_timeout = 0.2
    with asking(backend) as client:
        assert client.get("/orders").status_code == 503
        backend.value = hang
        began = time.monotonic()
        assert client.get("/orders").status_code == 503
        assert 0.15 < time.monotonic() - began < 30


def test_one_that_hangs_from_the_beginning_refuses_nothing() -> None:
    backend = Answers(hang)
    backend.backend_timeout = 0.2
    assert status(backend) == 200


def test_a_thread_that_hangs_is_waited_for_no_longer(hanging: Hanging) -> None:
    with asking(hanging) as client:
        assert client.get("/orders").status_code == 503
        hanging.hang(0.2)
        began = time.monotonic()
        assert client.get("/orders").status_code == 503
        assert 0.15 < time.monotonic() - began < 30


def test_while_it_hangs_not_every_request_waits(hanging: Hanging) -> None:
    with asking(hanging) as client:
        assert client.get("/orders").status_code == 503
        hanging.hang(3.0)
        client.get("/orders")
        began = time.monotonic()
        for _ in range(5):
            client.get("/orders")
        assert time.monotonic() - began < 2.9


def test_a_backend_that_hangs_gathers_no_threads(hanging: Hanging) -> None:
    """It may hang for hours; each question that was given up still has its thread."""
    with asking(hanging) as client:
        client.get("/orders")
        hanging.hang(0.02)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            client.get("/orders")
        assert hanging.most <= 16


@pytest.mark.anyio
async def test_one_that_hangs_leaves_others_their_threads(hanging: Hanging) -> None:
    """Sixteen requests at once to one application once silenced the backend of another."""
    hanging.hangs, hanging.backend_timeout = True, 0.2
    good = AnswersPlainly(True)
    async with asking_at_once(shop(hanging)) as stuck, asking_at_once(shop(good)) as well:
        await asyncio.gather(*(stuck.get("/orders") for _ in range(16)))
        assert (await well.get("/orders")).status_code == 503


@pytest.mark.anyio
async def test_the_applications_own_threads_stay_its_own(hanging: Hanging) -> None:
    hanging.hangs = True
    async with asking_at_once(shop(hanging)) as client:
        waiting = [asyncio.create_task(client.get("/orders")) for _ in range(60)]
        with anyio.fail_after(20):
            while hanging.at_once < 16:
                await asyncio.sleep(0.01)
            assert await anyio.to_thread.run_sync(lambda: 1) == 1
            assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        assert not any(task.done() for task in waiting)
        hanging.over.set()
        answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {503}


EXITS = """
import asyncio, threading, time
from fastapi_maintenance.backends.anyof import as_backend

class Hangs:
    backend_timeout = 0.1
    def get_value(self):
        time.sleep(100)

backend = as_backend(Hangs())
asyncio.run(backend.wait_until_ready())
print("done", flush=True)
"""


def test_a_thread_that_hangs_does_not_delay_the_end_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXITS], cwd=ROOT, capture_output=True, timeout=90, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"done\n"), done.stderr.decode()


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
