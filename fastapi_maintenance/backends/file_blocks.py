"""Blocks that every process sees that shares a file.

An open block is a file of its own, in a folder beside the switch, on which its process holds a
lock (flock(2)). The kernel lets go of the lock when the process ends, however it ends: what
nobody holds is over, and whoever comes upon it removes it. No block is undone by another's end,
and the switch itself is never written.
"""
# A Path costs more than the system call that it stands for.
# ruff: noqa: PTH102, PTH106, PTH108, PTH115, PTH116, PTH118, PTH120, PTH208

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
import threading
import weakref

try:
    import fcntl
except ImportError:  # Windows: blocks are the process's own
    fcntl = None  # type: ignore[assignment]

from .blocks import Block, Blocks
from .file_io import NotUnderstood, not_written

_NAME = r"[0-9]{12}-(on|off)-[0-9a-f]{8}"
"""The number puts blocks in their order: one more than any there was. Clocks may be set back."""
_TRIES = 100
"""Another process may remove the folder, or a mark not yet held, at the wrong moment; each time."""


class Mark(Block):
    """An open block of this process."""

    def __init__(self, on: bool, name: str, folder: str, descriptor: int | None) -> None:
        super().__init__(on)
        self.name = name
        self.folder = folder
        self.descriptor = descriptor
        """Holds the lock; None where there are none."""

    @property
    def path(self) -> str:
        """The file that stands for it."""
        return os.path.join(self.folder, self.name)


class FileBlocks(Blocks):
    """The open blocks of all processes that share a file.

    Args:
        path: the file. Its symlinks are followed at each use, since they may be changed.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._own: dict[str, Mark] = {}
        self._others: tuple[str, ...] = ()

    def look(self) -> None:
        """See which blocks other processes have open. Costs a few system calls."""
        if fcntl is None:
            return
        with exclusively():
            # Whatever goes wrong, what was seen last stays: it is no sign that a block has ended.
            with contextlib.suppress(OSError, ValueError):
                self._others = self._living(_folder_of(_followed(self._path)))
            self._settle()

    def open(self, on: bool) -> Block:
        """Begin a block.

        Raises:
            StateNotWritten: other processes can't be told of it.
        """
        with exclusively():
            try:
                mark = self._mark(on)
            except (OSError, ValueError) as error:
                raise not_written(self._path, error) from error
            self._own[mark.name] = mark
            self.begun += 1
            self._settle()
        return mark

    def close(self, block: Block) -> None:
        """End a block; nothing where it is another process's, from before a fork."""
        with exclusively():
            if not isinstance(block, Mark) or self._own.pop(block.name, None) is None:
                return
            self._settle()
            _release(block)
            if not any(mark.folder == block.folder for mark in self._own.values()):
                _remove_folder(block.folder)

    def disown(self) -> None:
        """After a fork, in the child: its parent's blocks are another process's.

        To close a copy of a descriptor leaves the lock with the original.
        """
        for mark in self._own.values():
            if mark.descriptor is not None:
                os.close(mark.descriptor)
        self._others += tuple(self._own)
        self._own = {}

    def _settle(self) -> None:
        latest = max((*self._own, *self._others), default=None)
        self.innermost = None if latest is None else _is_on(latest)

    def _living(self, folder: str) -> tuple[str, ...]:
        names = _names(folder)
        if names is None:
            return ()
        foreign = names - self._own.keys()
        living = tuple(name for name in foreign if _lives(os.path.join(folder, name)))
        if not living and not self._own:
            _remove_folder(folder)
        return living

    def _mark(self, on: bool) -> Mark:
        if fcntl is None:
            return Mark(on, self._name(on, set()), "", None)
        folder = _folder_of(os.path.realpath(self._path))  # to be found again when links change
        for _ in range(_TRIES):
            _make_folder(folder)
            name = self._name(on, _names(folder) or set())
            try:
                descriptor = _hold(os.path.join(folder, name))
            except OSError:
                _remove_folder(folder)
                raise
            if descriptor is not None:
                return Mark(on, name, folder, descriptor)
        raise NotUnderstood(f"{folder} is removed again and again: see what does so")

    def _name(self, on: bool, names: set[str]) -> str:
        latest = max(names | self._own.keys() | set(self._others), default="0-")
        number = int(latest.partition("-")[0]) + 1
        return f"{number:012}-{'on' if on else 'off'}-{secrets.token_hex(4)}"


def file_blocks(path: str) -> FileBlocks:
    """The blocks of a file, which several backends may follow."""
    with exclusively():
        return _shared.setdefault(path, FileBlocks(path))


def exclusively() -> contextlib.AbstractContextManager[bool]:
    """Held while a file is looked at, while a block opens or ends, and during a fork.

    A child may neither find it held nor inherit a descriptor that is not yet known.
    """
    return _lock


def _folder_of(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.blocks")


def _followed(path: str) -> str:
    """Where a file's own symlink leads; those of its folders are followed by each system call.

    A tenth of the cost of `realpath`, which asks about every folder on the way.
    """
    for _ in range(_TRIES):
        try:
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except OSError:
            break
    return path


def _is_on(name: str) -> bool:
    return name.split("-")[1] == "on"


def _names(folder: str) -> set[str] | None:
    """The blocks that a folder tells of, over ones included; None without a folder."""
    try:
        return {name for name in os.listdir(folder) if re.fullmatch(_NAME, name)}
    except (FileNotFoundError, NotADirectoryError):
        return None


def _lives(path: str) -> bool:
    """Whether a process holds a block; if none does, it is removed.

    What can't be told to be over is not: this may be a lack of rights, or of descriptors.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        _unlink(path)  # still locked, so that nobody can hold it in between
        return False
    finally:
        os.close(descriptor)


def _make_folder(folder: str) -> None:
    """Whoever may write beside the switch may write here: processes may have several owners."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    with contextlib.suppress(OSError):
        _take_after(os.path.dirname(folder), folder)


def _take_after(parent: str, folder: str) -> None:
    if sys.platform == "win32":
        return
    of_parent = os.stat(parent)
    # By descriptor: whoever may write in the parent may put a link in the new folder's place.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with contextlib.suppress(OSError):
            os.fchown(descriptor, of_parent.st_uid, of_parent.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(of_parent.st_mode))
    finally:
        os.close(descriptor)


def _remove_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # not empty, most of the time
        os.rmdir(folder)


def _hold(path: str) -> int | None:
    """Make a mark and lock it; None where it was removed before it was held."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileNotFoundError:
        return None
    try:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o644)  # whatever the umask: all must see that it is held
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BaseException:
        _unlink(path)
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _release(mark: Mark) -> None:
    if mark.descriptor is not None:
        _unlink(mark.path)
        os.close(mark.descriptor)


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):  # whatever stays is over as soon as nobody holds it
        os.unlink(path)


def _before_fork() -> None:
    _lock.acquire()


def _after_fork_in_parent() -> None:
    _lock.release()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()  # some servers fork without asking first, so it may be held or not
    for blocks in list(_shared.values()):
        blocks.disown()


_lock = threading.RLock()
_shared: weakref.WeakValueDictionary[str, FileBlocks] = weakref.WeakValueDictionary()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
