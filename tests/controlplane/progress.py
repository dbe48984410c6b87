"""Progress for people who wait: one moving line on a terminal, a line now and then in a log."""

from __future__ import annotations

import shutil
import sys
import time


class Progress:
    """Shows a changing text with the seconds since it was made, on standard error."""

    LOG_INTERVAL = 30.0  # seconds; a CI log needs a sign of life, not a film

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._shown = -self.LOG_INTERVAL
        self._moving = sys.stderr.isatty()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def show(self, text: str) -> None:
        """What is being done now; may be called as often as one likes."""
        line = f"  {self.elapsed:4.0f} s  {text}"
        if self._moving:
            self._write(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}")
        elif self.elapsed - self._shown >= self.LOG_INTERVAL:
            self._shown = self.elapsed
            self._write(f"{line}\n")

    def say(self, text: str) -> None:
        """A line that stays."""
        self._write(f"\r\033[K{text}\n" if self._moving else f"{text}\n")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
