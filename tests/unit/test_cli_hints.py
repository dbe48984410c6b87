"""Commands that are told name the namespace and the cluster that the one before them was given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from fastapi_maintenance.backends.kubernetes.transport import Transport
from fastapi_maintenance.cli._cluster import Cluster, Object
from fastapi_maintenance.cli._failures import Failure
from fastapi_maintenance.cli._hints import note_flags
from fastapi_maintenance.cli._judging import Judgement
from fastapi_maintenance.cli._seen import see
from fastapi_maintenance.cli._waiting import Wait
from fastapi_maintenance.cli.end import end_window
from tests.unit.making import at, manifest

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("flags")]


class Holding(Cluster):
    """A cluster that has one window, and takes no change."""

    def __init__(self, item: Object) -> None:
        self._item = item

    async def find_window(self, name: str) -> Object | None:
        """The one that it has."""
        return self._item if name == self._item["metadata"]["name"] else None


@pytest.fixture
def flags() -> Iterator[None]:
    note_flags(["--context", "far"])
    yield
    note_flags([])


async def test_where_no_process_reports_the_list_that_is_told_of_is_that_of_the_window(
    tmp_path: Path,
) -> None:
    cluster = Cluster(Transport(KubeconfigIdentity(tmp_path / "none", None)), "shop")
    wait = Wait(cluster, "move", "drained", timedelta(0))
    told = Judgement(False, "NoProcesses", "no process reports")
    with pytest.raises(Failure) as failed:
        await wait._looks._unreported(see(manifest("move"), at("2026-06-01T00:00Z")), told)
    assert "fastapi-maintenance processes -n shop --context far; " in failed.value.mend


async def test_what_is_to_come_is_not_ended_but_postponed_or_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await end_window(Holding(manifest("move", start="2999-01-01T00:00:00Z")), "move")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "maintenancewindow/move is not open (Scheduled)"
    assert "fastapi-maintenance postpone move -n shop --context far --by 1h; " in second
    assert second.endswith("fastapi-maintenance skip move -n shop --context far")
