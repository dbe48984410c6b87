"""A file, or a folder of manifests that is seen as one: what it holds, and whether that changed.

A ConfigMap or Secret that the kubelet has mounted is seen in one of its states, never between two:
its files lead through the symlink ``..data``, which is swapped when all of the new ones are there
(Kubernetes: "Mounted ConfigMaps are updated automatically"). The old ones are removed then, so a
look that comes between is done again.
"""
# A Path costs more than the system call that it stands for.
# ruff: noqa: PTH115, PTH118, PTH208

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .file_io import (
    MOST_BYTES,
    Moved,
    NotUnderstood,
    is_folder,
    look_at,
    read,
    signature,
    text_of,
    unreadable,
)

if TYPE_CHECKING:
    from .file_manifests import Found

MOST_FILES = 256
_ENDINGS = (".yaml", ".yml", ".json")
_SWAPPED = "..data"
_TRIES = 10
"""Looks at what is replaced meanwhile, each time. A kubelet swaps a mount once a minute or so."""

T = TypeVar("T")

Contents = tuple[tuple[str, bytes], ...]
"""The names of files and what they hold, by name; a file on its own has an empty one."""


class Seen(NamedTuple):
    """A file, as a look showed it."""

    name: str
    path: str
    status: os.stat_result


class Sight(NamedTuple):
    """What a look at a file, or into a folder, showed."""

    signature: object
    """Another one after any change."""
    files: tuple[Seen, ...]
    """By name."""
    place: str
    """Where they are; another one where a symlink leads elsewhere now."""
    is_folder: bool = False


def look(path: str) -> Sight | None:
    """See what there is: a file, or a folder's manifests, or nothing.

    Of a folder's files those count that end in .yaml, .yml or .json and are not hidden.

    Raises:
        Moved: another has taken the folder's place meanwhile.
        NotUnderstood: it can't be looked at, or holds what is not meant to be there.
    """
    status = look_at(path)
    if status is None:
        return None
    if not is_folder(status):
        return Sight(signature(status), (Seen("", path, status),), path)
    place = _place(path)
    with _unmoved(path, place):
        files = _look_into(place)
    marks = ((file.name, signature(file.status)) for file in files)
    return Sight((place, *marks), files, place, is_folder=True)


def read_files(sight: Sight) -> Contents:
    """What the files hold.

    Raises:
        Moved: one has gone.
        NotUnderstood: one can't be read.
    """
    contents = []
    for file in sight.files:
        with _told_of(file.name):
            contents.append((file.name, read(file.path)))
    _check_size(sum(len(content) for _, content in contents))
    return tuple(contents)


def steadily(act: Callable[[], T]) -> T:
    """The outcome of looking and reading, done again where what it looked at was replaced.

    Raises:
        NotUnderstood: each time.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(Moved):
            return act()
    return act()


def texts_of(contents: Contents) -> dict[str, str]:
    """The texts of files, by their names.

    Raises:
        NotUnderstood: one is not UTF-8.
    """
    texts = {}
    for name, content in contents:
        with _told_of(name):
            texts[name] = text_of(content)
    return texts


def load_windows(path: str) -> Found:
    """The windows of a file, or of a folder's files, as they stand now.

    Raises:
        FileNotFoundError: there is nothing.
        NotUnderstood: it can't be read.
        InvalidWindow: naming the file and the field that is wrong.
    """
    from .file_manifests import windows_of  # what windows are loads where there are any

    def contents() -> Contents:
        sight = look(path)
        if sight is None:
            raise FileNotFoundError(path)
        return read_files(sight)

    return windows_of(texts_of(steadily(contents)))


def _place(path: str) -> str:
    """The folder itself, or where the kubelet's symlink leads, as symlinks are at this moment."""
    real = os.path.realpath(path)
    try:
        return os.path.join(real, os.readlink(os.path.join(real, _SWAPPED)))
    except OSError:
        return real


@contextlib.contextmanager
def _unmoved(path: str, place: str) -> Iterator[None]:
    """Whatever was seen, an error included, counts only while symlinks lead to the same place."""
    try:
        yield
    except NotUnderstood:
        _check_place(path, place)
        raise
    _check_place(path, place)


def _check_place(path: str, place: str) -> None:
    if _place(path) != place:
        raise Moved("is replaced while it is read, again and again: replace it less often")


def _look_into(place: str) -> tuple[Seen, ...]:
    seen = (_look_at_file(name, os.path.join(place, name)) for name in _names(place))
    files = tuple(file for file in seen if file is not None)
    _check_size(sum(file.status.st_size for file in files))
    return files


def _names(place: str) -> list[str]:
    try:
        found = [name for name in os.listdir(place) if name.endswith(_ENDINGS)]
    except OSError as error:
        raise unreadable(error) from error
    names = sorted(name for name in found if not name.startswith("."))
    if len(names) > MOST_FILES:
        raise NotUnderstood(
            f"holds {len(names)} manifests, and {MOST_FILES} are the most: put several windows "
            "into a file, with --- between them"
        )
    return names


def _look_at_file(name: str, path: str) -> Seen | None:
    """None where it has gone meanwhile, as a symlink that leads nowhere has."""
    with _told_of(name):
        status = look_at(path)
        if is_folder(status):
            raise NotUnderstood("is a folder: put its manifests beside the others")
    return None if status is None else Seen(name, path, status)


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise NotUnderstood(
            f"holds {size} bytes of manifests, and {MOST_BYTES} are the most: remove old windows"
        )


@contextlib.contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Name the file of a folder that something is wrong with."""
    try:
        yield
    except NotUnderstood as error:
        raise (type(error)(f"{name}: {error}") if name else error) from error
