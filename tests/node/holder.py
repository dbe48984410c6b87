"""The namespaces of a node: they live exactly as long as one process, the holder."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.leash import Leashed
from tests.node import cgroups

if TYPE_CHECKING:
    from collections.abc import Sequence

INIT = Path(__file__).with_name("init.sh")
WARDEN = Path(__file__).with_name("warden.py")


class Holder:
    """Network, mount and PID namespaces, a group of cgroups, and a disk in `folder/run`.

    When the process that made it ends, by `kill -9` too, all of that goes.
    """

    def __init__(self, folder: Path, address: str, reaper: Path) -> None:
        cgroups.sweep()
        self.folder, self.run = folder, folder / "run"
        self.run.mkdir(mode=0o700)
        self.cgroup = f"{cgroups.name_for(os.getpid())}-{secrets.token_hex(3)}"
        self._warden = subprocess.Popen(
            [sys.executable, "-S", WARDEN, self.cgroup, self.run],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        cgroups.make(self.cgroup)
        separate = ("--net", "--mount", "--propagation", "private", "--pid", "--fork")
        self._process = Leashed(
            ["unshare", *separate, "--kill-child", INIT, folder, address, reaper],
            log=folder / "holder.log",
        )
        try:
            self._process.wait_for((self.run / "laid").exists, what="mounts and network")
            self.pid = self._init()
        except BaseException:
            self.close()
            raise

    def _init(self) -> int:
        """Our number for the process that is number 1 inside."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int(children.read_text().split()[0])

    def inside(self, command: Sequence[str | os.PathLike[str]], cwd: Path) -> list[str]:
        """The command that runs `command` within the namespaces."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "env", "-C", str(cwd)]
        return enter + [os.fspath(word) for word in command]

    def close(self) -> None:
        """End whatever runs inside, and remove what it has left."""
        self._process.kill()
        assert self._warden.stdin is not None
        self._warden.stdin.close()
        self._warden.wait(60)
