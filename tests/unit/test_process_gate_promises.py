"""R11: where a gate or a block does not do what a window says, that is said."""

from __future__ import annotations

import weakref
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from fastapi_maintenance import MaintenanceModeMiddleware, maintenance_mode_off
from fastapi_maintenance.backends import BaseStateBackend, ledger
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.backends.ledger import ledgers_of
from fastapi_maintenance.testing import maintenance
from tests.unit.counted import NOW, Reported, Shop, window_for
from tests.unit.making import Held, open_since_2026

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("counting_ends")]


async def test_r11_enable_maintenance_false_is_said() -> None:
    shop = Shop(enable_maintenance=False)
    async with shop.client() as client:
        await client.post("/nothing")
    assert reason(shop) == "EnableMaintenanceFalse"


async def test_r11_a_state_that_a_test_has_put_in_is_said() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.post("/nothing")
    with maintenance.off(shop.app):
        assert reason(shop) == "UnderTest"
    assert reason(shop) is None


async def test_r11_what_a_test_puts_in_is_seen_after_it_too() -> None:
    """By who looks now and then, and must count anew what was let in meanwhile."""
    shop = Shop()
    async with shop.client() as client:
        await client.post("/nothing")
    before, lapses = shop.account.turns(), shop.account.lapses()
    with maintenance.off(shop.app):
        pass
    assert shop.account.lapses() == lapses
    assert shop.account.turns() != before


async def test_r11_what_a_short_block_has_let_in_is_said_for_as_long_as_it_runs() -> None:
    """Though the block ended before anybody looked: who relied on its word must learn of it."""
    shop = Shop()
    async with shop.client() as client:
        await client.post("/nothing")
    shop.backend.held = open_since_2026()
    assert reason(shop) is None
    with maintenance_mode_off(shop.backend):
        pass
    assert reason(shop) is None
    async with AsyncExitStack() as running:
        with maintenance_mode_off(shop.backend):
            await running.enter_async_context(shop.running("POST", "/loop"))
        assert [reason(shop), reason(shop)] == ["MaintenanceModeOff"] * 2
    assert reason(shop) is None


async def test_r11_a_block_from_before_a_window_has_broken_no_word() -> None:
    """What it has let in is waited for, as whatever runs when a window opens."""
    shop = Shop()
    async with shop.client() as client:
        await client.post("/nothing")
    shop.account.look([], (), NOW, stopping=False)
    async with AsyncExitStack() as running:
        with maintenance_mode_off(shop.backend):
            await running.enter_async_context(shop.running("POST", "/loop"))
        assert reason(shop) is None
        assert shop.count() == 1


async def test_r11_of_several_gates_the_one_that_does_not_enforce_is_said() -> None:
    shop = Shop()
    other = MaintenanceModeMiddleware(FastAPI(), False, shop.backend)
    async with shop.client() as client:
        await client.post("/nothing")
    assert reason(shop) == "EnableMaintenanceFalse"
    assert other


async def test_r11_enable_maintenance_true_is_said_where_it_serves_reads() -> None:
    """A full window refuses them."""
    for read_only, expected in ((True, "EnableMaintenanceTrue"), (False, None)):
        shop = Shop(enable_maintenance=True, read_only=read_only)
        async with shop.client() as client:
            await client.post("/nothing")
        assert reason(shop) == expected


class Asking(BaseStateBackend):
    """A backend of one's own that asks another."""

    def __init__(self, inner: BaseStateBackend) -> None:
        self.inner = inner

    async def get_value(self) -> bool:
        return await self.inner.get_value()


async def test_r11_a_backend_that_no_gate_asks_promises_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is no gate nothing comes in, and work that is counted asks it."""
    monkeypatch.setattr(ledger, "_known", weakref.WeakSet())
    backend = Reported()
    account = Account(backend, "orders")

    def said() -> str | None:
        return account.look([window_for()], (), NOW, stopping=False).windows[0].reason

    assert said() is None
    gate = MaintenanceModeMiddleware(FastAPI(), backend=Asking(backend))
    assert [said(), said()] == ["NoGate"] * 2
    assert caplog.text.count("give the middleware the object itself") == 1
    working = backend.work("charge")
    assert said() is None
    assert gate
    assert working


async def test_r11_an_object_for_the_state_that_a_gate_asks_for_says_nothing_of_gates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one that is asked says what is let in."""
    monkeypatch.setattr(ledger, "_known", weakref.WeakSet())
    backends = [Reported(), Reported()]
    for backend in backends:
        monkeypatch.setattr(backend, "state_key", lambda: "orders")
    gate = MaintenanceModeMiddleware(FastAPI(), backend=backends[0])
    assert Account(backends[1], "orders").lapses() == (None, None)
    assert gate


def test_a_backend_is_found_however_deep_it_was_given() -> None:
    first, second = Reported(), Held()
    gate = MaintenanceModeMiddleware(FastAPI(), backend=[Held(), [second, [first, Held()]]])
    assert [ledger is gate.live for ledger in ledgers_of(first)] == [True]


def test_a_block_that_turns_one_of_several_off_does_not_open_a_window_of_another() -> None:
    """Also where an argument is what it is to undo."""
    first, second = Held(), Held(open_since_2026())
    gate = MaintenanceModeMiddleware(FastAPI(), True, [first, second])
    with maintenance_mode_off(first):
        assert not gate.decide().quiet
        with maintenance_mode_off(second):
            assert gate.decide().quiet


def reason(shop: Shop) -> str | None:
    return shop.account.look([window_for()], (), NOW, stopping=False).windows[0].reason


async def test_what_several_backends_together_decide_counts_for_each_of_them() -> None:
    """A file to break the glass beside the cluster changes nothing."""
    first, second = Reported(), Held()
    gate = MaintenanceModeMiddleware(FastAPI(), backend=[first, second])
    assert [ledger is gate.live for ledger in ledgers_of(first)] == [True]
    assert list(ledgers_of(Held())) == []
