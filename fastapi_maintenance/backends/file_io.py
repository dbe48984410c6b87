"""A small file that others write too: whether it changed, what it holds, and another put there."""
# A Path costs more than the system call that it stands for.
# ruff: noqa: PTH105, PTH108, PTH116, PTH118, PTH120

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import sys

from .base import StateNotWritten

MOST_BYTES = 1 << 20
"""As much as a ConfigMap holds. A larger file is a mistake, and would hold requests up."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_READ_MENDS = {
    errno.EACCES: "let this process read it, and enter its folders",
    errno.ELOOP: "let the symlink point to a file",
    errno.ENOTDIR: "put a folder where its path has a file",
    errno.EMFILE: "allow this process more open files",
    errno.ENAMETOOLONG: "choose a shorter path",
}
_WRITE_MENDS = {
    errno.ENOENT: "make the folder {folder}",
    errno.EACCES: "let this process write in the folder {folder}",
    errno.EPERM: "let this process write in the folder {folder}",
    errno.EROFS: "mount {folder} so that it can be written",
    errno.ENOSPC: "free some space in {folder}",
    errno.EDQUOT: "free some space in {folder}, or raise the quota",
    errno.EBUSY: "mount its folder {folder}, not the file alone",
    errno.ENOLCK: "keep it on a file system that can lock files",
    errno.EOPNOTSUPP: "keep it on a file system that can lock files",
}
_ASIDE = re.compile(r"(?:^|(?<=\s))#.*|^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
"""What says nothing in YAML: comments, and the marks that documents begin and end with."""
# O_NONBLOCK: a pipe that has taken the file's place must not hold a request up.
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class NotUnderstood(ValueError):
    """A file that says nothing: what is wrong with it, and the mend."""


class Moved(NotUnderstood):
    """What was being looked at has gone, or another is in its place: worth another look."""


def look_at(path: str) -> os.stat_result | None:
    """What tells whether a file changed, or that it is a folder; None where there is nothing.

    Raises:
        NotUnderstood: it can't be looked at, or is neither.
    """
    # Twice, since where a symlink led may go while it is followed; then it leads elsewhere now.
    status = _status(path) or _status(path)
    return status if status is None or is_folder(status) else _checked(status)


def is_folder(status: os.stat_result | None) -> bool:
    """Whether it is a folder that was looked at."""
    return status is not None and stat.S_ISDIR(status.st_mode)


def signature(status: os.stat_result | None) -> object:
    """Another value for another content; the time of change, since tools set that of editing."""
    if status is None:
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


def read(path: str) -> bytes:
    """What a file holds.

    Raises:
        NotUnderstood: it can't be read, or is no file.
    """
    try:
        descriptor = os.open(path, _READING)
        with os.fdopen(descriptor, "rb") as file:
            _checked(os.fstat(descriptor))
            content = file.read(MOST_BYTES + 1)
    except NotUnderstood:
        raise
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    if len(content) > MOST_BYTES:
        raise _too_large(f"more than {MOST_BYTES}")
    return content


def text_of(content: bytes) -> str:
    """The text that a file's bytes stand for.

    Raises:
        NotUnderstood: they are not UTF-8.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or _looks_wide(content):
        raise NotUnderstood("is UTF-16: save it as UTF-8")
    if b"\0" in content:
        raise NotUnderstood("is binary: write on, off, read-only or a manifest, as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"is not UTF-8 at byte {error.start}: save it as UTF-8") from error


def is_word(text: str) -> bool:
    """Whether a text is a word or nothing, and no manifest."""
    return len(text.split()) <= 1 and ":" not in text


def word_of(text: str) -> str | None:
    """The word that a text is, comments aside; empty where there is none, None where it is more."""
    word = _ASIDE.sub("", text).strip()
    return word if is_word(word) else None


def replace(path: str, text: str) -> None:
    """Put a text in a file's place, whole or not at all; its mode and owner stay.

    What a symlink points to is replaced, and the link stays.

    Raises:
        StateNotWritten: nothing has changed.
    """
    try:
        target = os.path.realpath(path)
        _check_replaceable(target)
        _swap(target, text.encode())
    except (OSError, ValueError) as error:
        raise not_written(path, error) from error


def not_written(path: str, error: Exception) -> StateNotWritten:
    """What a failed write is told as."""
    if isinstance(error, OSError):
        folder = os.path.dirname(os.path.realpath(path))
        mend = _WRITE_MENDS.get(error.errno or 0, "see that {folder} can be written")
        return StateNotWritten(f"{shown(path)}: {error.strerror}: {mend.format(folder=folder)}")
    mend = "" if isinstance(error, NotUnderstood) else ": choose another path"
    return StateNotWritten(f"{shown(path)}: {error}{mend}")


def unreadable(error: Exception) -> NotUnderstood:
    """What a failed look or read is told as."""
    if isinstance(error, OSError):
        mend = _READ_MENDS.get(error.errno or 0, "see that it can be read")
        kind = Moved if isinstance(error, FileNotFoundError) else NotUnderstood
        return kind(f"can't be read: {error.strerror}: {mend}")
    return NotUnderstood(f"can't be read: {error}: choose another path")  # such as one with a NUL


def shown(path: str) -> str:
    """A path as a log line can hold it."""
    return path if path.isprintable() else repr(path)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise unreadable(error) from error


def _checked(status: os.stat_result) -> os.stat_result:
    if not stat.S_ISREG(status.st_mode):
        kinds = (name for test, name in _KINDS if test(status.st_mode))
        raise NotUnderstood(f"is {next(kinds, 'a device')}: put a regular file in its place")
    if status.st_size > MOST_BYTES:
        raise _too_large(str(status.st_size))
    return status


def _too_large(size: str) -> NotUnderstood:
    return NotUnderstood(
        f"holds {size} bytes, and {MOST_BYTES} are the most: write on, off, read-only or a manifest"
    )


def _looks_wide(content: bytes) -> bool:
    """Whether this is UTF-16 without a mark: what we read starts with ASCII."""
    return content[:1] + content[2:3] == b"\0\0" or content[1:2] + content[3:4] == b"\0\0"


def _check_replaceable(path: str) -> None:
    """What somebody wrote by hand is not ours to overwrite."""
    try:
        status = look_at(path)
        if is_folder(status):
            raise NotUnderstood("is a folder: edit the manifests in it")
        if status is None or is_word(text_of(read(path))):
            return
    except NotUnderstood as error:
        raise NotUnderstood(f"is not overwritten, since it {error}") from error
    raise NotUnderstood(
        "is not overwritten, since it holds more than a word: edit the manifest (suspend: true "
        "turns its window off), or use another file"
    )


def _swap(path: str, content: bytes) -> None:
    folder = os.path.dirname(path)
    # Not named after the file, whose name may be as long as names can be.
    new = os.path.join(folder, f".maintenance-{secrets.token_hex(8)}")
    descriptor = os.open(new, _CREATING, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _take_after(path, descriptor)
            os.fsync(descriptor)
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    _settle(folder)


def _take_after(path: str, descriptor: int) -> None:
    """Give a new file the mode, and where that is allowed the owner, of the one it replaces."""
    if sys.platform == "win32":
        return
    try:
        old = os.stat(path)
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))  # after the owner, which may take bits away


def _settle(folder: str) -> None:
    """Let the new name outlast a power cut; where folders can't be synced it may not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
