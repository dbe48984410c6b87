"""Maintenance by a local file: a word, or a MaintenanceWindow manifest."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from fastapi_maintenance import windows
from fastapi_maintenance.windows import OFF, State

from .base import APP_VARIABLE, BaseStateBackend, state_of_switch, state_of_word, wall_clock
from .file_blocks import FileBlocks, exclusively, file_blocks
from .file_io import NotUnderstood, is_word, look_at, read, replace, shown, signature, text_of

if TYPE_CHECKING:
    from fastapi_maintenance.windows import Timeline, Window

_LOOK_EVERY = 0.05
"""Seconds between two looks at the file: a change is seen well within 100 ms."""
_EMPTY_FOR = 0.05
"""Seconds after which an empty file is meant to be: one that is written in place is empty first."""
_YOUNG_FOR = 2.0
"""Seconds for which a new signature is not trusted: within a tick of the file system's clock (2 s
on FAT) another edit gives the same one."""

_UNKNOWN: Any = object()
"""Equal to no signature and no content."""

logger = logging.getLogger(__name__)

_backends: weakref.WeakSet[LocalFileBackend] = weakref.WeakSet()


class LocalFileBackend(BaseStateBackend):
    """Follows a file that holds a true or false word, ``read-only``, or a window's YAML manifest.

    A file that is missing or empty means off. One that can't be read or understood keeps the last
    good state and is logged once. Blocks count in every process that shares the file; a killed
    process's end with it. On Windows, which lacks flock(2), they are the process's own.

    Args:
        file_path: the file; it may come and go.
        app: this application's name, which windows match by their ``apps``; default
            ``$FASTAPI_MAINTENANCE_APP``.
    """

    def __init__(self, file_path: str | os.PathLike[str], *, app: str | None = None) -> None:
        self.file_path = Path(file_path)
        self.app = app or os.environ.get(APP_VARIABLE)
        self._path = os.path.abspath(file_path)  # noqa: PTH100 - no matter where we go later
        # By the path as given: the real one may change, and `_look_afresh` tells all objects.
        self._shared = file_blocks(self._path)
        self._look_at = 0.0
        self._signature: object = None
        self._old_at = 0.0
        self._meant_at: float | None = None
        self._content: bytes | None = None
        self._problem: str | None = None
        self._switch = OFF
        self._timeline: Timeline | None = None
        with exclusively():
            _backends.add(self)

    def state(self) -> State:
        """What the file says now."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look(now)
        timeline = self._timeline
        return self._switch if timeline is None else timeline.at(wall_clock())

    def decide(self, fixed: State | None = None) -> State:
        """What holds now; one look sees both the file and its blocks."""
        state = self.state()
        on = self._shared.innermost
        if on is None:
            return state if fixed is None else fixed
        return state_of_switch() if on else OFF

    def state_key(self) -> Hashable:
        """The real path, as symlinks lead now."""
        try:
            return os.path.realpath(self._path)
        except ValueError:  # a NUL
            return self._path

    def blocks(self) -> FileBlocks:
        """The blocks of all processes."""
        return self._shared

    def block(self) -> bool | None:
        """What the innermost open block of any process says; None while there is none."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look(now)
        return self._shared.innermost

    def open_block(self, on: bool) -> Any:
        """Begin a block, in every process that shares the file.

        Raises:
            StateNotWritten: they can't be told of it, as in a folder that can't be written.
        """
        block = self._shared.open(on)
        _look_afresh()
        return block

    def close_block(self, block: Any) -> None:
        """End a block; nothing where it is another process's, from before a fork."""
        self._shared.close(block)
        _look_afresh()

    async def set_value(self, value: bool) -> None:
        """Write a word, whole or not at all; whoever shares the file sees it within 100 ms.

        Raises:
            StateNotWritten: the file can't be written, or holds a manifest; it is as it was.
        """
        await anyio.to_thread.run_sync(self._write, self._bool_to_str(value))

    def _write(self, word: str) -> None:
        replace(self._path, f"{word}\n")
        _look_afresh()

    def _look(self, now: float) -> None:
        """Read the file again, if it may be another than the one that was read last."""
        with exclusively():
            self._look_at = now + _LOOK_EVERY
            self._shared.look()
            try:
                self._read(now)
            except NotUnderstood as error:
                # What stands in the way may go without a change of the file.
                self._signature = self._content = _UNKNOWN
                self._complain(error)

    def _read(self, now: float) -> None:
        status = look_at(self._path)
        found = signature(status)
        if found != self._signature:
            self._old_at = now + _YOUNG_FOR
        elif now >= self._old_at:
            return
        content = None if status is None else read(self._path)
        meant = status is None or self._is_meant(content, status.st_mtime, now)
        self._signature = found if meant else _UNKNOWN
        if meant:
            self._take(content)

    def _is_meant(self, content: bytes | None, changed: float, now: float) -> bool:
        """Whether this is no moment of somebody's writing in place."""
        if content and content.strip():
            self._meant_at = None
            return True
        if self._meant_at is None:
            self._meant_at = now + _EMPTY_FOR
        # By its own time too, so that one emptied long before this look counts at once.
        return now >= self._meant_at or wall_clock() - changed >= _EMPTY_FOR

    def _take(self, content: bytes | None) -> None:
        if content == self._content:
            return
        self._content = content
        try:
            self._follow("" if content is None else text_of(content))
        except Exception as error:  # no request fails for what somebody wrote
            self._complain(error)
        else:
            self._praise()

    def _follow(self, text: str) -> None:
        if is_word(text):
            self._switch, self._timeline = state_of_word(text), None
            return
        # Looked up here, since those who keep a word in the file need neither.
        documents = windows.load_documents(text)
        known = tuple(windows.parse_manifest(document) for document in documents)
        self._warn_of_others(known)
        self._timeline = windows.Timeline(known, self.app)

    def _complain(self, error: Exception) -> None:
        if str(error) != self._problem:
            logger.error("%s: %s; maintenance is unchanged", shown(self._path), error)
        self._problem = str(error)

    def _praise(self) -> None:
        if self._problem is not None:
            logger.info("%s: it can be read again, and counts", shown(self._path))
        self._problem = None

    def _warn_of_others(self, known: tuple[Window, ...]) -> None:
        for window in known:
            if not windows.applies_to(window, self.app):
                logger.warning(
                    "%s: window %s is for %s and not for this application (%s): "
                    "pass app= or set %s if it should be",
                    shown(self._path),
                    window.name,
                    ", ".join(window.apps),
                    self.app or "without a name",
                    APP_VARIABLE,
                )


def _look_afresh() -> None:
    """Let the next request see what this process has changed, whichever object it asks."""
    with exclusively():
        for backend in _backends:
            backend._look_at = 0.0
