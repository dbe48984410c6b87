"""Maintenance by a local file: a word, or a MaintenanceWindow manifest."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from fastapi_maintenance.windows import (
    OFF,
    State,
    Timeline,
    Window,
    applies_to,
    load_documents,
    parse_manifest,
)

from .base import APP_VARIABLE, BaseStateBackend, state_of_word, wall_clock

_LOOK_EVERY = 0.05
"""Seconds between two looks at the file: a change is seen well within 100 ms."""

logger = logging.getLogger(__name__)


class LocalFileBackend(BaseStateBackend):
    """Follows a file that holds a true or false word, ``read-only``, or a window's YAML manifest.

    A file that is missing means off. One that can't be read or understood keeps the last good
    state and is logged once.

    Args:
        file_path: the file; it may come and go.
        app: this application's name, which windows match by their ``apps``; default
            ``$FASTAPI_MAINTENANCE_APP``.
    """

    def __init__(self, file_path: str | os.PathLike[str], *, app: str | None = None) -> None:
        self.file_path = Path(file_path)
        self.app = app or os.environ.get(APP_VARIABLE)
        self._look_at = 0.0
        self._signature: object = None
        self._current: Callable[[], State] = lambda: OFF

    def state(self) -> State:
        """What the file says now."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            self._look()
        return self._current()

    def _look(self) -> None:
        """Read the file again, if it is another than the one that was read last."""
        signature = self._sign()
        if signature != self._signature:
            self._signature = signature
            self._current = self._read(signature)

    def _sign(self) -> object:
        """What is another value for another content; None where there is no file."""
        try:
            status = self.file_path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return str(error)
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def _read(self, signature: object) -> Callable[[], State]:
        if signature is None:
            return lambda: OFF
        try:
            return self._understand(self.file_path.read_text("utf-8-sig"))
        except (OSError, ValueError, ImportError) as error:
            logger.error("%s: %s; maintenance is unchanged", self.file_path, error)
            return self._current

    def _understand(self, text: str) -> Callable[[], State]:
        if len(text.split()) == 1 and ":" not in text:
            state = state_of_word(text)
            return lambda: state
        windows = tuple(parse_manifest(document) for document in load_documents(text))
        self._warn_of_others(windows)
        timeline = Timeline(windows, self.app)
        return lambda: timeline.at(wall_clock())

    def _warn_of_others(self, windows: tuple[Window, ...]) -> None:
        for window in windows:
            if not applies_to(window, self.app):
                logger.warning(
                    "%s: window %s is for %s and not for this application (%s): "
                    "pass app= or set %s if it should be",
                    self.file_path,
                    window.name,
                    ", ".join(window.apps),
                    self.app or "without a name",
                    APP_VARIABLE,
                )
