"""The cgroups of a node: made before it starts, removed after everything in them has ended.

Their name holds the pid of whoever started the node, so that what is left of one that was
killed together with its warden can be told from one that lives.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "fastapi-maintenance-node-"
NEEDED = ("cpu", "cpuset", "memory", "pids", "devices", "freezer")


def lacking() -> list[str]:
    """What a kubelet needs and this machine does not have."""
    if not hierarchies():
        return [f"no cgroups are mounted at {ROOT}"]
    if not os.access(hierarchies()[0], os.W_OK):
        return [f"{ROOT} is read-only"]
    if _unified():
        return []
    return [f"{ROOT}/{name} is missing" for name in NEEDED if not (ROOT / name).is_dir()]


def hierarchies() -> list[Path]:
    """The one of cgroup v2, or each of v1 and of the hybrid."""
    if _unified():
        return [ROOT]
    return sorted(path for path in ROOT.glob("*") if path.is_mount() and not path.is_symlink())


def _unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def name_for(pid: int) -> str:
    """The name for the node that process `pid` starts."""
    return f"{PREFIX}{pid}"


def make(name: str) -> None:
    """Make the group in every hierarchy."""
    for hierarchy in hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        # A new cpuset of v1 is empty, and nothing may run in it.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (group / setting).exists() and not _unified():
                (group / setting).write_text((hierarchy / setting).read_text())


def remove(name: str, patience: float = 30) -> None:
    """Remove the group and all below it; waits until what ran there is gone.

    Raises:
        OSError: something still runs there.
    """
    deadline = time.monotonic() + patience
    for hierarchy in hierarchies():
        while (hierarchy / name).exists():
            try:
                _remove_tree(hierarchy / name)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def _remove_tree(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(FileNotFoundError):
            Path(folder).rmdir()


def sweep() -> None:
    """Remove what is left of nodes whose starter does not live any more."""
    names = {path.name for hierarchy in hierarchies() for path in hierarchy.glob(f"{PREFIX}*")}
    for name in names:
        if not Path("/proc", name.removeprefix(PREFIX).split("-")[0]).exists():
            with suppress(OSError):
                remove(name, patience=0)
