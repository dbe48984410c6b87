"""What a node leaves on this machine while it runs, and must not leave behind."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cluster import network
from tests.node import cgroups

SYSCTLS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)


def traces(folder: Path) -> dict[str, object]:
    """What a node in `folder` changes on this machine."""
    mounts = Path("/proc/mounts").read_text().splitlines()
    return {
        "processes": [pid for pid, line in command_lines().items() if str(folder) in line],
        "mounts": [line for line in mounts if str(folder) in line],
        "cgroups": [str(path) for path in groups(os.getpid())],
        "devices": sorted(devices()),
        "sysctls": {name: Path("/proc/sys", name).read_text() for name in SYSCTLS},
    }


def devices() -> list[str]:
    """The network devices of this machine, less those of tests that run beside this one."""
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    return [name for name in names if not name.startswith(network.PREFIX)]


def groups(starter: int) -> list[Path]:
    """The cgroups of the nodes that a process has started."""
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
