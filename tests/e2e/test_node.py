"""The node itself: it comes up, says how to use it, and leaves nothing, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.controlplane.holding import holder
from tests.controlplane.kubectl import Kubectl
from tests.node.traces import groups, traces
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.target import Target


@pytest.fixture
def folder(cluster: Target, tmp_path: Path) -> Iterator[Path]:
    """For a node beside that of the session; ended by force if a test has not done it."""
    if cluster.node is None:
        pytest.skip("starts a node of its own: only on CLUSTER=own")
    yield tmp_path
    pid = holder(tmp_path)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def test_a_node_leaves_nothing_behind_even_when_its_starter_is_killed(folder: Path) -> None:
    """Processes, namespaces, mounts, cgroups, sysctls and devices are as they were."""
    before = traces(folder)
    up = node("up", folder)
    path = folder / "kubeconfig"
    assert up.stdout == f"export KUBECONFIG={path} FASTAPI_MAINTENANCE_KUBECONFIG={path}\n"
    assert "ready for Pods" in up.stderr
    shown = Kubectl(path)("get", "nodes", "-o", "name").stdout
    assert shown == "node/node\n"
    assert traces(folder) != before

    pid = holder(folder)
    assert pid is not None
    assert groups(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not groups(pid), what="its cgroups to be gone")
    wait_for(lambda: traces(folder) == before, 120, "everything to be as it was")
    assert not (folder / "run").exists()


def node(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.node`; in `folder`."""
    words = [sys.executable, "-m", "tests.node", command, "--folder", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done
