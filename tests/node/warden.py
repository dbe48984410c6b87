"""Tidies up after a node whose starter is gone. Run by path; only `holder.py` starts it.

It holds one end of a pipe (its standard input) whose other end is the starter's. The kernel
closes that end however the starter dies. By then the node's processes are being ended by their
leash; the warden removes what outlives processes: cgroups, and the node's disk.

    python -S warden.py CGROUP FOLDER
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.node import cgroups


def main(group: str, folder: str) -> None:
    """Wait for the end of the starter, then for that of the node, and remove what is left."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    cgroups.remove(group)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    # A Ctrl-C or a hang-up at the starter's terminal is the starter's to handle.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    main(*sys.argv[1:])
