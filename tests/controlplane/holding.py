"""Who serves from a folder: a lock that lives exactly as long as the process that holds it.

`FOLDER/lock` is locked by that process for all its life, with its pid inside. The kernel drops
the lock however the process ends. So a lock that is held proves that its pid is ours, and a
folder without one is a leftover, of a reboot say. `FOLDER/gate` is locked for moments only, by
whoever looks or changes something: nobody sees a new lock with an old pid in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from tests.controlplane.binaries import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = ("gate", "lock", "serve.log")


@contextmanager
def gate(folder: Path) -> Iterator[None]:
    """Be the only one to look at the folder, or to change who serves from it."""
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            file = (folder / "gate").open("a")
        except FileNotFoundError:  # the folder was removed just now
            continue
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _in_place(file, folder / "gate"):  # else the folder was removed meanwhile
                yield
                return


def holder(folder: Path) -> int | None:
    """The pid of the process that serves from `folder`, or None."""
    if not folder.exists():
        return None
    with gate(folder):
        return holder_inside(folder)


def holder_inside(folder: Path) -> int | None:
    """The same, for who is inside the gate."""
    with (folder / "lock").open("a+") as lock:
        if _try_lock(lock):
            return None
        lock.seek(0)
        return int(lock.read())


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder, emptied of what an earlier holder left.

    Raises:
        UnavailableError: another process holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with gate(folder):
        lock = (folder / "lock").open("a+")
        if not _try_lock(lock):
            lock.close()
            raise UnavailableError(f"another process serves from {folder}")
        _clear(folder)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
    with lock:
        yield


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_place(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir():  # an orphan may still write there for a moment: that is harmless
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
