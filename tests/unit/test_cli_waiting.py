"""A wait is over only for what still holds when it says so, by the word of who can know it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport
from fastapi_maintenance.cli._cluster import OPERATOR_NAMESPACE, Cluster
from fastapi_maintenance.cli._failures import Failure
from fastapi_maintenance.cli._waiting import TimedOut, Wait
from fastapi_maintenance.windows import parse_manifest
from tests.unit.making import at
from tests.unit.proving import NOW, report, stored_process

pytestmark = pytest.mark.anyio

CONDITION = {
    "type": "Drained",
    "status": "True",
    "reason": "AllDrained",
    "message": "all",
    "observedGeneration": 2,
}
WINDOW: dict[str, Any] = {
    "apiVersion": "fastapi-maintenance.io/v1alpha1",
    "kind": "MaintenanceWindow",
    "metadata": {"name": "w", "namespace": "shop", "uid": "uid-of-w", "generation": 2},
    "spec": {"apps": ["orders"], "start": "2026-06-01T12:00:00Z", "end": "2026-06-01T12:10:04Z"},
    "status": {
        "observedGeneration": 2,
        "current": {"start": "2026-06-01T12:00:00Z"},
        "conditions": [CONDITION],
    },
}
FORBIDDEN = ApiError(
    403,
    "maintenanceprocesses.fastapi-maintenance.io is forbidden: User "
    '"system:serviceaccount:jobs:migrate" cannot list resource "maintenanceprocesses" '
    'in API group "fastapi-maintenance.io" in the namespace "shop"',
)


class Server(Transport):
    """An API server whose lists of processes take so long, one after the other, on its own clock.

    The window and its operator's word stay as they are, and who holds a Lease has just renewed it
    unless said otherwise.
    """

    def __init__(self, *slowness: float, forbids: bool = False, end: str | None = None) -> None:
        self.now = at(NOW)
        self.slowness = itertools.chain(slowness, itertools.repeat(0.0))
        self.forbids = forbids
        self.leases = {"shop": 0.0}
        """By namespace: how many seconds ago it was renewed."""
        self.lists = 0
        """How often the processes were listed."""
        self.window = WINDOW if end is None else {**WINDOW, "spec": {**WINDOW["spec"], "end": end}}

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        if path.endswith("/leases"):
            return {"items": [self._lease(*each) for each in self.leases.items()]}
        if path.endswith("/maintenanceprocesses"):
            return self._processes()
        if "/configmaps/" in path:
            raise ApiError(404, "no plan")
        return self.window

    def _processes(self) -> dict[str, Any]:
        self.lists += 1
        said = report(parse_manifest(self.window))
        self.now += timedelta(seconds=next(self.slowness))
        if self.forbids:
            raise FORBIDDEN
        heard = f"{self.now:%Y-%m-%dT%H:%M:%SZ}"
        return {"items": [stored_process("orders-1", said, heard=heard)]}

    def _lease(self, namespace: str, ago: float) -> dict[str, Any]:
        renewed = self.now - timedelta(seconds=ago)
        spec = {"holderIdentity": "a", "leaseDurationSeconds": 12}
        spec["renewTime"] = renewed.isoformat()
        return {"metadata": {"namespace": namespace}, "spec": spec}


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Wait for `drained` on a server, by its clock: one look, unless a timeout is given."""

    def prepare(server: Server, timeout: float = 0) -> Wait:
        def now() -> datetime:
            return server.now

        for module in ("_waiting", "_looking", "_cluster"):
            monkeypatch.setattr(f"fastapi_maintenance.cli.{module}.now", now)
        monkeypatch.setattr("fastapi_maintenance.cli._waiting.PAUSE", 0)
        return Wait(Cluster(server, "shop"), "w", "drained", timedelta(seconds=timeout))

    return prepare


LATE = "2026-06-01T13:00:00Z"
BOTH_WAYS = pytest.mark.parametrize("forbids", [False, True])
"""By the processes, and by the operator's word where they may not be listed."""


@BOTH_WAYS
async def test_what_holds_when_it_is_said_ends_the_wait(wait: Any, forbids: bool) -> None:
    assert (await wait(Server(3, forbids=forbids)).run()).met


@BOTH_WAYS
async def test_a_window_that_ended_during_the_look_is_not_drained(wait: Any, forbids: bool) -> None:
    """Its end is four seconds away, the list takes less than a round may."""
    with pytest.raises(TimedOut, match="is not open any more"):
        await wait(Server(4.5, forbids=forbids)).run()
    with pytest.raises(Failure, match="is not open: Finished"):
        await wait(Server(4.5, forbids=forbids), timeout=60).run()


@BOTH_WAYS
async def test_a_look_that_took_too_long_proves_nothing(wait: Any, forbids: bool) -> None:
    """As with a round of the operator; the next one may be faster."""
    with pytest.raises(TimedOut, match="took 6 s"):
        await wait(Server(6, forbids=forbids, end=LATE)).run()
    assert (await wait(Server(6, forbids=forbids, end=LATE), timeout=60).run()).met


async def test_a_lease_from_elsewhere_does_not_vouch_where_processes_may_not_be_listed(
    wait: Any,
) -> None:
    """The operator of this namespace may be dead for an hour, and its word with it."""
    server = Server(forbids=True)
    server.leases = {OPERATOR_NAMESPACE: 3600, "another-team": 0}
    with pytest.raises(Failure, match="`list maintenanceprocesses`") as failed:
        await wait(server).run()
    assert "namespace another-team" in failed.value.problem
    assert failed.value.mend == (
        "grant it: kubectl -n shop create rolebinding maintenance-migrator "
        "--clusterrole=fastapi-maintenance-migrator --serviceaccount=jobs:migrate"
    )


async def test_the_lease_in_the_operators_namespace_vouches_beside_a_newer_one(wait: Any) -> None:
    """Who renewed last says nothing about who looks after a namespace."""
    server = Server(forbids=True)
    server.leases = {OPERATOR_NAMESPACE: 3, "another-team": 0}
    assert (await wait(server).run()).met


async def test_a_lease_from_elsewhere_is_enough_where_the_processes_bear_it_out(wait: Any) -> None:
    server = Server()
    server.leases = {OPERATOR_NAMESPACE: 3600, "another-team": 0}
    assert (await wait(server).run()).met


async def test_without_a_lease_to_see_the_processes_prove_what_a_dead_operator_denied(
    wait: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last word stands, and nobody knows of what day it is; so they are asked in a while."""
    server = Server()
    server.leases, server.window = {}, denied()
    with pytest.raises(TimedOut, match="orders-1: 2 requests"):
        await wait(server).run()
    assert server.lists == 0
    monkeypatch.setattr("fastapi_maintenance.cli._looking.LAG", timedelta(0))
    assert (await wait(server).run()).met


async def test_without_a_lease_to_see_it_is_asked_at_once_whether_nobody_reports(wait: Any) -> None:
    """Some may have registered since the operator died."""
    server = Server()
    server.leases, server.window = {}, denied("NoProcesses")
    assert (await wait(server).run()).met


def denied(reason: str = "RequestsRunning") -> dict[str, Any]:
    """The window, of which the operator has last said that requests hold it up."""
    no = {"status": "False", "reason": reason, "message": "orders-1: 2 requests"}
    return {**WINDOW, "status": {**WINDOW["status"], "conditions": [CONDITION | no]}}


@pytest.mark.parametrize(("usual", "said"), [(60, 0), (0, 1)])
async def test_an_operator_that_speaks_soon_is_waited_for_without_a_word(
    wait: Any,
    usual: int,
    said: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has not spoken at the first two looks; whether that is soon is for the constant to say."""
    monkeypatch.setattr("fastapi_maintenance.cli._waiting._USUAL", usual)
    server, spoken = Server(3), WINDOW
    server.window = {name: value for name, value in spoken.items() if name != "status"}
    waiting, times = wait(server, timeout=60), iter(range(2))
    lease = waiting._looks._lease

    async def speaks_at_last() -> Any:
        if next(times, None) is None:
            server.window = spoken
        return await lease()

    monkeypatch.setattr(waiting._looks, "_lease", speaks_at_last)
    assert (await waiting.run()).met
    assert capsys.readouterr().err.count("waiting for the operator") == said
