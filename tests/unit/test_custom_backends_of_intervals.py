"""A backend of somebody's own that is asked once in an interval, and written to."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from fastapi_maintenance import get_maintenance_mode, set_maintenance_mode
from fastapi_maintenance.backends.anyof import as_backend
from tests.unit.asked import BOTH, Answers, asking, asking_at_once, hang, shop
from tests.waiting import wait_for


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
        as_backend(backend).poll_interval = 60  # none of the others comes after the next one
        first = asyncio.create_task(client.get("/orders"))
        while not backend.calls:
            await asyncio.sleep(0)
        with anyio.fail_after(20):
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
