"""What a file holds for a moment only, while somebody writes it in place, does not count.

Whoever writes in place empties the file first, and half a manifest may refuse more than either
version of it. Whoever puts another file there shows it whole.
"""

from __future__ import annotations

from typing import NamedTuple

from .base import FALSE_WORDS, READ_ONLY_WORD, TRUE_WORDS
from .file_folder import Contents, Seen, Sight

_SETTLED_AFTER = 0.05
"""Seconds without a write; also the most for which anything is held back: together with the time
between two looks, a change is seen within 100 ms."""
_WORDS = frozenset(word.encode() for word in (TRUE_WORDS | FALSE_WORDS | {READ_ONLY_WORD}) - {""})


class _Version(NamedTuple):
    inode: tuple[int, int]
    content: bytes
    written: float
    """POSIX seconds."""


class _Held(NamedTuple):
    version: _Version
    since: float
    until: float
    """On the monotonic clock, as is ``since``."""


class Settling:
    """Decides for each file of a sight, by its name, which content counts."""

    def __init__(self) -> None:
        self._counted: dict[str, _Version] | None = None
        self._held: dict[str, _Held] = {}
        self._place: str | None = None

    def count(self, sight: Sight, contents: Contents, now: float, wall: float) -> Contents:
        """What counts: of a file that may not be whole, what it held before.

        Args:
            sight: the files.
            contents: what they hold.
            now: on the monotonic clock.
            wall: the same in POSIX seconds, for the times of files.
        """
        # Of what has been swapped, and at the first look, all counts.
        at_once = self._counted is None or self._place not in (None, sight.place)
        before, waiting = self._counted or {}, self._held
        self._place, self._counted, self._held = sight.place, {}, {}
        for file, (name, content) in zip(sight.files, contents, strict=True):
            found, known = _version(file, content), before.get(name)
            held = None if at_once else _held(found, known, waiting.get(name), now, wall)
            counted = found if held is None else known
            if held is not None:
                self._held[name] = held
            if counted is not None:
                self._counted[name] = counted
        return tuple((name, version.content) for name, version in self._counted.items())

    def count_missing(self) -> None:
        """There is nothing, neither a file nor a folder."""
        self._counted, self._held = {}, {}

    @property
    def look_at(self) -> float | None:
        """When what is held back will count (monotonic); None where nothing is."""
        return min((held.until for held in self._held.values()), default=None)


def _version(file: Seen, content: bytes) -> _Version:
    return _Version((file.status.st_dev, file.status.st_ino), content, file.status.st_mtime)


def _held(
    found: _Version, known: _Version | None, before: _Held | None, now: float, wall: float
) -> _Held | None:
    """What is to be remembered of a content that may not be the whole one; None of any other."""
    if _is_whole(found, known, before):
        return None
    since = before.since if before and _goes_on(before.version, found) else now
    # By its own time too, so that what was written long before this look counts at once.
    until = min(since, now + found.written - wall) + _SETTLED_AFTER
    return _Held(found, since, until) if until > now else None


def _goes_on(before: _Version, found: _Version) -> bool:
    """Whether it is the same that is held back; a file may be emptied again and again."""
    if not found.content.strip():
        return found.written == before.written
    return bool(before.content.strip())


def _is_whole(found: _Version, known: _Version | None, before: _Held | None) -> bool:
    if known is not None and found.content == known.content:
        return True
    word = found.content.strip()
    last = before.version if before else known
    is_another = last is not None and found.inode != last.inode
    return word.lower() in _WORDS or (is_another and bool(word))
