"""What the kubelet is told: alive while something moves, ready as a leader or as a standby."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from fastapi_maintenance_operator import probes
from fastapi_maintenance_operator.operating import Operation
from fastapi_maintenance_operator.probes import serve_probes
from tests.controlplane.ports import free_port

pytestmark = pytest.mark.anyio

LONG = 61.0


def operation(*, leads: bool, ready: bool = True, age: float = 0.0) -> Operation:
    """An operator in one of its states; `age` is that of its last round."""
    instant = time.monotonic() - age
    lease: Any = SimpleNamespace(standing_by=ready, last_try=instant)
    made = Operation(lease, lambda: None, lambda _: None)  # type: ignore[arg-type, return-value]
    if leads:
        controller: Any = SimpleNamespace(ready=ready, last_round=instant)
        made.controller = controller
    return made


@asynccontextmanager
async def served(
    subject: Operation, answered: float = LONG, host: str | None = "127.0.0.1"
) -> AsyncIterator[str]:
    """The address of its probes; the API server answered `answered` seconds ago."""
    port = free_port()
    last = time.monotonic() - answered
    async with serve_probes(subject, lambda: last, lambda: b"metric 1\n", host, port):
        yield f"http://127.0.0.1:{port}"


async def ask(subject: Operation, path: str, answered: float = LONG) -> tuple[int, str]:
    async with (
        served(subject, answered) as address,
        aiohttp.ClientSession() as session,
        session.get(address + path) as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize("leads", [True, False], ids=["leader", "standby"])
@pytest.mark.parametrize(("age", "status"), [(0.0, 200), (LONG, 503)])
async def test_it_is_alive_as_long_as_it_comes_round(leads: bool, age: float, status: int) -> None:
    assert (await ask(operation(leads=leads, age=age), "/healthz"))[0] == status


async def test_it_is_alive_in_a_long_round_while_the_api_server_answers() -> None:
    """A first round of ten thousand windows is no reason to be killed, and to begin it again."""
    subject = operation(leads=True, age=600)
    assert (await ask(subject, "/healthz", answered=1))[0] == 200
    status, text = await ask(subject, "/healthz", answered=LONG)
    assert (status, text.split(":")[0]) == (503, "not so")


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
@pytest.mark.parametrize("leads", [True, False], ids=["leader", "standby"])
async def test_it_is_ready_once_it_has_seen_all_or_knows_who_leads(
    leads: bool, ready: bool, status: int
) -> None:
    assert (await ask(operation(leads=leads, ready=ready), "/readyz"))[0] == status


async def test_metrics_come_in_prometheus_own_format() -> None:
    async with (
        served(operation(leads=False)) as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/metrics") as response,
    ):
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await response.read() == b"metric 1\n"


@pytest.mark.parametrize("both", [True, False], ids=["IPv6", "IPv4 alone"])
async def test_by_default_every_address_is_served(
    both: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Pods of some clusters have an address of IPv6 alone, which the kubelet asks then."""
    if both and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: both)
    async with served(operation(leads=False), host=None) as url:
        for address in ("127.0.0.1", "[::1]")[: 1 + both]:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{url.replace('127.0.0.1', address)}/healthz") as response,
            ):
                assert response.status == 200


def has_ipv6() -> bool:
    """Whether there is a loopback to ask by."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_an_open_connection_does_not_hold_up_the_end() -> None:
    """The kubelet and Prometheus keep theirs; aiohttp would wait for them for a minute."""
    async with aiohttp.ClientSession() as session:
        async with served(operation(leads=False)) as address:
            await (await session.get(f"{address}/healthz")).read()
            began = time.monotonic()
        assert time.monotonic() - began < 20


def test_a_minute_without_a_sign_of_life_is_too_long() -> None:
    assert probes._TOO_LONG == 60.0
