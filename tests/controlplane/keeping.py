"""What in the user's cache folder is in use, by whichever clone, and when it was last.

The time of an entry's last change (ctime, which no archive brings along) is that of its last use. A
process that uses one holds a lock on it that falls with the process: so `make clean-cache` sees who
does, however that process ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_held: dict[tuple[int, int], int] = {}
"""The open file of each entry that this process uses, by device and inode."""


def use(entry: Path) -> None:
    """This process uses an entry from now to its end; one that is not there can't be used."""
    with suppress(OSError):  # of whoever else's folder this may be: it is not for us to clean, then
        _hold(entry)
        os.utime(entry)


def _hold(entry: Path) -> None:
    file = os.open(entry, os.O_RDONLY)
    status = os.fstat(file)
    if _held.setdefault((status.st_dev, status.st_ino), file) != file:
        os.close(file)
        return
    fcntl.flock(file, fcntl.LOCK_SH)


def remove(entry: Path) -> bool:
    """Remove an entry unless a process uses it; gives whether it was removed."""
    file = os.open(entry, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # At once for whoever looks meanwhile, who then finds nothing.
        gone = entry.rename(entry.with_name(f"removing-{secrets.token_hex(4)}"))
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    shutil.rmtree(gone)
    return True
