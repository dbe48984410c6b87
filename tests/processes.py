"""Looking at processes from outside: whether they run, and what they have started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def state(pid: int) -> str:
    """The letter that ps shows for a process ("T" stopped, "Z" zombie); empty: there is none."""
    return _table().get(pid, ("", 0))[0]


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody has collected counts as ended."""
    return state(pid) in ("", "Z")


def descendants(pid: int) -> set[int]:
    """All that a process has started, and what that has started."""
    table = _table()
    children = {child for child, (_, parent) in table.items() if parent == pid}
    return children.union(*map(descendants, children))


def _table() -> dict[int, tuple[str, int]]:
    """State and parent of every process."""
    if sys.platform == "linux":  # slim images have no ps
        return _from_proc()
    listing = subprocess.run(["ps", "-axo", "pid=,stat=,ppid="], capture_output=True, check=True)
    rows = (line.split() for line in listing.stdout.decode().splitlines())
    return {int(pid): (letters[0], int(parent)) for pid, letters, parent in rows}


def _from_proc() -> dict[int, tuple[str, int]]:
    """See proc_pid_stat(5): after the name in brackets come state and parent."""
    table = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            letter, parent, *_ = path.read_text().rpartition(") ")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        table[int(path.parent.name)] = letter, int(parent)
    return table
