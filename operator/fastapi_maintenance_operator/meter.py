"""What the controller tells of its work, to whoever counts it."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Counts the controller's work."""

    def reconciled(self, seconds: float) -> None:
        """One object was looked at, and written where that was due, in so many seconds."""

    def failed(self) -> None:
        """A write failed, and will be tried again."""


class NoMeter:
    """Counts nothing."""

    def reconciled(self, seconds: float) -> None:
        """Nothing."""

    def failed(self) -> None:
        """Nothing."""
