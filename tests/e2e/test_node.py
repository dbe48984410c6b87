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
from tests.node import cgroups
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.target import Target

SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")


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
    assert up.stdout == f"export KUBECONFIG={folder / 'kubeconfig'}\n"
    assert "ready for Pods" in up.stderr
    shown = Kubectl(folder / "kubeconfig")("get", "nodes", "-o", "name").stdout
    assert shown == "node/node\n"
    assert traces(folder) != before

    pid = holder(folder)
    assert pid is not None
    assert groups(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not groups(pid), what="its cgroups to be gone")
    wait_for(lambda: traces(folder) == before, what="everything to be as it was")
    assert not (folder / "run").exists()


def test_down_ends_it_and_removes_its_folder(folder: Path) -> None:
    """Nothing is left, not even the folder."""
    before = traces(folder)
    node("up", folder)
    assert "has ended" in node("down", folder).stderr
    assert traces(folder) == before
    assert not folder.exists()


def node(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.node`; in `folder`."""
    words = [sys.executable, "-m", "tests.node", command, "--folder", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def traces(folder: Path) -> dict[str, object]:
    """What a node in `folder` changes on this machine."""
    mounts = Path("/proc/mounts").read_text().splitlines()
    return {
        "processes": [pid for pid, line in command_lines().items() if str(folder) in line],
        "mounts": [line for line in mounts if str(folder) in line],
        "devices": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "sysctls": {name: Path("/proc/sys", name).read_text() for name in SYSCTLS},
    }


def groups(starter: int) -> list[Path]:
    """The cgroups of the node that a process has started."""
    name = cgroups.name_for(starter)
    return [path for it in cgroups.hierarchies() for path in it.glob(f"{name}-*")]


def command_lines() -> dict[str, str]:
    """Every process' command line, less that of who asks."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if int(entry.name) != os.getpid():
            found[entry.name] = line
    return found
