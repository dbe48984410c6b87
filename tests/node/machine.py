"""What this machine must have for a node of its own, and what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.controlplane.binaries import UnavailableError
from tests.node import cgroups

TOOLS = {
    **dict.fromkeys(("unshare", "nsenter"), "util-linux"),
    **dict.fromkeys(("mount", "mountpoint"), "mount"),
    "ip": "iproute2",
}
TRIALS = {
    "namespaces of its own (CAP_SYS_ADMIN)": "true",
    "veth devices (module veth)": "ip link add fm0 type veth peer name fm1",
    "bridges (module bridge)": "ip link add fm0 type bridge",
    "overlayfs (module overlay)": (
        "mount -t tmpfs none /mnt && mkdir /mnt/1 /mnt/2 /mnt/3 /mnt/4 && mount -t overlay"
        " -o lowerdir=/mnt/1,upperdir=/mnt/2,workdir=/mnt/3 none /mnt/4"
    ),
}


def check() -> None:
    """Make sure that a node can be started here.

    Raises:
        UnavailableError: it can't; names everything that is missing, and other ways.
    """
    lacking = _lacking()
    if lacking:
        raise UnavailableError(
            f"a node of its own can't be started here: {'; '.join(lacking)}. Elsewhere: "
            "`make e2e CLUSTER=kind` (needs Docker), or CLUSTER=current for your current context"
        )


def _lacking() -> list[str]:
    if sys.platform != "linux":
        return [f"it needs Linux, and this is {sys.platform}"]
    if os.geteuid() != 0:
        return ["it needs root: call it with sudo"]
    tools = [f"{tool} is missing ({package})" for tool, package in TOOLS.items() if not _has(tool)]
    if tools:
        return tools
    refused = [f"the kernel refuses {what}" for what, trial in TRIALS.items() if not _works(trial)]
    return refused + cgroups.lacking()


def _has(tool: str) -> bool:
    return shutil.which(tool) is not None


def _works(trial: str) -> bool:
    """Whether a command succeeds in namespaces that end with it."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", trial]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
