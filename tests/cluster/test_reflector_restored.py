"""A real API server whose etcd was restored from a backup: versions go back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cluster.following import IMPATIENT, ROLE, Following, by_kubeconfig, create, delete
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import make_identity
from tests.controlplane.install import install
from tests.controlplane.target import own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.daemon import Daemon


class Restored(ControlPlane):
    """One of which there may be a backup; without controllers, which nothing here needs."""

    def start(self) -> None:
        self.etcd.start()
        self._start_apiserver()

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        return self.etcd, self.apiserver

    def back_up(self) -> None:
        self._stop()
        shutil.copytree(self._data, self.folder / "backup")
        self.heal()

    def restore(self) -> None:
        self._stop()
        shutil.rmtree(self._data)
        (self.folder / "backup").rename(self._data)
        self.heal()

    def _stop(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.kill()

    @property
    def _data(self) -> Path:
        return self._run / "data"


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[Restored]:
    with Restored(tmp_path) as control_plane:
        yield control_plane


@pytest.mark.owns_control_plane
@pytest.mark.usefixtures("cluster")  # where there are no binaries, it is skipped with the others
def test_after_a_backup_was_restored_what_it_holds_is_known_and_followed(
    control_plane: Restored,
) -> None:
    """A watch from a version that the server has yet to reach again is silent, and no error."""
    target = own(control_plane)
    install(target)
    kubectl = target.kubectl
    account = by_kubeconfig(make_identity(target, "orders", "default", cluster_role=ROLE))
    create(kubectl, "default", "kept", "going")
    # Three seconds pass before the server says that it has not come so far.
    with Following(account, pace=replace(IMPATIENT, answer=30.0)) as following:
        following.wait_for_names("kept", "going")
        control_plane.back_up()
        # More than is written while the API server starts.
        create(kubectl, "default", *(f"lost-{number}" for number in range(100)))
        following.wait_for(lambda: len(following.names) == 102, "all to be known")
        following.log.held = True  # until nothing else than the version is strange
        control_plane.restore()
        following.log.held = False
        following.wait_for_names("kept", "going")
        assert "504: Timeout: Too large resource version" in str(following.log.failed)
        create(kubectl, "default", "later")
        delete(kubectl, "default", "going")
        following.wait_for_names("kept", "later")
        following.wait_for(lambda: following.health.last_error is None, "all to be well")
