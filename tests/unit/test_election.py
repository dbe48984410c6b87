"""The Lease is renewed in a thread of its own, however busy the work is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes_asyncio import client

from fastapi_maintenance_operator import election as module
from fastapi_maintenance_operator.election import election
from fastapi_maintenance_operator.lease import Lease, Timings
from tests.unit.elected import LeaseServer, Line

pytestmark = pytest.mark.anyio


class RealClock:
    """The clock of the machine, for a line that waits on it."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> LeaseServer:
    """A server in memory, and timings a hundredth as long."""
    server = LeaseServer()
    clock: Any = RealClock()
    fast = Timings(duration=60, deadline=40, retry=0.02, request=30)
    api: Any = Line(server, clock)

    def make(_: object, namespace: str, identity: str) -> Lease:
        return Lease(api, namespace, identity, timings=fast)

    monkeypatch.setattr(module, "Lease", make)
    return server


async def test_a_busy_loop_does_not_keep_the_lease_from_being_renewed(server: LeaseServer) -> None:
    async with election(client.Configuration(), "ops") as lease:
        await lease.acquire()
        keeping = asyncio.ensure_future(lease.keep())
        await asyncio.sleep(0)  # let it begin
        before = len(server.writes)
        block_until(lambda: len(server.writes) >= before + 3)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert lease.held


def block_until(fact: Callable[[], bool]) -> None:
    """Keep the event loop from everything else until something is so."""
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_a_cancelled_keep_renews_no_longer_and_the_lease_can_be_given_back(
    server: LeaseServer,
) -> None:
    async with election(client.Configuration(), "ops") as lease:
        await lease.acquire()
        keeping = asyncio.ensure_future(lease.keep())
        await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await lease.release()
        assert not lease.held
    assert server.writes[-1] == ""


async def test_the_thread_ends_with_the_block(server: LeaseServer) -> None:
    async with election(client.Configuration(), "ops") as lease:
        assert "election" in {thread.name for thread in threading.enumerate()}
        assert (lease.held, lease.standing_by) == (False, False)
    assert "election" not in {thread.name for thread in threading.enumerate()}
