"""Several backends as one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from fastapi_maintenance import (
    EnvVarBackend,
    MaintenanceModeMiddleware,
    maintenance_mode_off,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends.anyof import as_backend
from fastapi_maintenance.windows import OFF
from tests.unit.asked import ON, WRITES, Answers, AnswersPlainly, asking_at_once, hang, shop, status
from tests.unit.making import Held


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
    """Here each answers only once all have been asked."""
    asked, all_asked = itertools.count(1), asyncio.Event()

    async def together() -> bool:
        if next(asked) == 3:
            all_asked.set()
        await all_asked.wait()
        return True

    backend = as_backend([Answers(together) for _ in range(3)])
    with anyio.fail_after(20):
        await backend.wait_until_ready()
    assert not backend.state().quiet


def test_one_that_is_down_leaves_the_others_their_say() -> None:
    hanging = Answers(hang)
    hanging.backend_timeout = 0.2
    assert status([Answers(ConnectionError("gone")), hanging, Answers(True)]) == 503


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
