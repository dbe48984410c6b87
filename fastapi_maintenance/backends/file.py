"""Maintenance by a local file: a word, manifests of MaintenanceWindows, or a folder of them."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from fastapi_maintenance.windows import OFF, State

from .base import APP_VARIABLE, BaseStateBackend, state_of_switch, state_of_word, wall_clock
from .file_blocks import FileBlocks, exclusively, file_blocks
from .file_folder import Contents, look, read_files, steadily, texts_of
from .file_io import NotUnderstood, replace, shown, word_of
from .file_settling import Settling

if TYPE_CHECKING:
    from fastapi_maintenance.windows import Timeline, Window

    from .plan_age import PlanAge

_LOOK_EVERY = 0.05
"""Seconds between two looks at the file: a change is seen well within 100 ms."""
_YOUNG_FOR = 2.0
"""Seconds for which a new signature is not trusted: within a tick of the file system's clock (2 s
on FAT) another edit gives the same one."""
_MOST_NAMES = 5

_UNKNOWN: Any = object()
"""Equal to no signature and no content."""

logger = logging.getLogger(__name__)

_backends: weakref.WeakSet[LocalFileBackend] = weakref.WeakSet()


class LocalFileBackend(BaseStateBackend):
    """Follows a file, or a folder of files.

    A file holds a true or false word, ``read-only``, manifests of windows (YAML or JSON, several
    documents, a ``List``), or the operator's plan. A folder holds such files, words aside, named
    ``*.yaml``, ``*.yml`` or ``*.json``; a mounted ConfigMap is one.

    What is missing means off, and so does what is empty or holds only comments. What can't be read
    or understood keeps the last good state, that of the whole folder, and is logged once. Blocks
    count in every process that shares the file; a killed process's end with it. On Windows, which
    lacks flock(2), they are the process's own.

    Args:
        file_path: the file or the folder; it may come and go.
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
        self._settling = Settling()
        self._contents: Contents | None = None
        self._was_file = False
        self._problem: str | None = None
        self._switch = OFF
        self._timeline: Timeline | None = None
        self._age: PlanAge | None = None
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
            StateNotWritten: the file can't be written, holds a manifest, or is a folder; it is as
                it was.
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
                steadily(lambda: self._read(now))
            except NotUnderstood as error:
                # What stands in the way may go without a change of the file.
                self._signature = self._contents = _UNKNOWN
                self._complain(error)
            if self._age is not None:
                self._age.look(wall_clock())

    def _read(self, now: float) -> None:
        sight = look(self._path)
        found = None if sight is None else sight.signature
        if found != self._signature:
            self._old_at = now + _YOUNG_FOR
        elif now >= self._old_at:
            return
        contents = None if sight is None else read_files(sight)
        if sight is None or contents is None:
            self._settling.count_missing()
        else:
            contents = self._settling.count(sight, contents, now, wall_clock())
        again_at = self._settling.look_at
        self._look_at = min(self._look_at, self._look_at if again_at is None else again_at)
        self._signature = found if again_at is None else _UNKNOWN
        self._take(contents, is_folder=sight is not None and sight.is_folder)

    def _take(self, contents: Contents | None, *, is_folder: bool) -> None:
        if contents == self._contents:
            return
        if contents == () and self._was_file:
            # So Docker mounts a file that is not there.
            raise NotUnderstood("is an empty folder now: put the file back, or manifests into it")
        self._contents = contents
        try:
            self._follow(contents, is_folder)
        except Exception as error:  # no request fails for what somebody wrote
            self._complain(error)
        else:
            self._was_file = contents is not None and not is_folder
            self._praise()

    def _follow(self, contents: Contents | None, is_folder: bool) -> None:
        texts = texts_of(contents or ())
        word = None if is_folder else word_of(texts.get("", ""))
        if word is None:
            self._follow_windows(texts)
        else:
            self._switch, self._timeline, self._age = state_of_word(word), None, None

    def _follow_windows(self, texts: dict[str, str]) -> None:
        # Loaded here, since those who keep a word in the file need none of it.
        from fastapi_maintenance.windows import Timeline

        from .file_manifests import windows_of
        from .plan_age import PlanAge

        found = windows_of(texts)
        self._warn_of_others(found.written)
        self._timeline = Timeline(found.windows, self.app)
        self._age = self._age or PlanAge(shown(self._path))
        self._age.take(found.planned, wall_clock())

    def _complain(self, error: Exception) -> None:
        if str(error) != self._problem:
            logger.error("%s: %s; maintenance is unchanged", shown(self._path), error)
        self._problem = str(error)

    def _praise(self) -> None:
        if self._problem is not None:
            logger.info("%s: it can be read again, and counts", shown(self._path))
        self._problem = None

    def _warn_of_others(self, known: tuple[Window, ...]) -> None:
        """Say so where no manifest is for this application: it may lack its name."""
        from fastapi_maintenance.windows import applies_to

        if known and not any(applies_to(window, self.app) for window in known):
            logger.warning(
                "%s: %s and not for this application (%s): pass app= or set %s if it should be",
                shown(self._path),
                _told_whom(known),
                self.app or "without a name",
                APP_VARIABLE,
            )


def _told_whom(known: tuple[Window, ...]) -> str:
    """The windows, of many the first ones, and whom they are for."""
    names = ", ".join(window.name for window in known[:_MOST_NAMES])
    apps = ", ".join(dict.fromkeys(app for window in known[:_MOST_NAMES] for app in window.apps))
    return f"window {names} is for {apps}" if len(known) == 1 else f"windows {names} are for {apps}"


def _look_afresh() -> None:
    """Let the next request see what this process has changed, whichever object it asks."""
    with exclusively():
        for backend in _backends:
            backend._look_at = 0.0
