"""What a maintenance window is: frozen values, and what makes them valid.

Instants are aware datetimes in UTC, intervals are half-open ``[start, end)``. Nothing here
reads a clock, a file or a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .globs import matches
from .match import EVERYTHING, NOBODY, Allow, Match
from .state import Mode, Response

GROUP = "fastapi-maintenance.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "MaintenanceWindow"
PLURAL = "maintenancewindows"


class InvalidWindow(ValueError):
    """A manifest that cannot be a window: names the field, its value and how to mend it."""

    def __init__(self, field: str, problem: str, mend: str) -> None:
        super().__init__(f"{field}: {problem}: {mend}")
        self.field = field
        self.problem = problem
        self.mend = mend
        self.more: tuple[InvalidWindow, ...] = ()
        """What else is wrong, as far as it was read."""

    @property
    def all(self) -> tuple[InvalidWindow, ...]:
        """Everything that is known to be wrong."""
        return self, *self.more


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One stretch of maintenance, ``[start, end)``; without an end it lasts until it is ended."""

    start: datetime
    end: datetime | None = None

    def contains(self, instant: datetime) -> bool:
        """Whether the instant lies in the occurrence."""
        return self.start <= instant and (self.end is None or instant < self.end)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Occurrences with known instants: a one-shot window, or a plan worked out beforehand."""

    occurrences: tuple[Occurrence, ...]
    """In the order of their starts."""
    valid_until: datetime | None = None
    """A plan says nothing about the time from here on; None where there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class Recurring:
    """Occurrences that a cron expression opens in a time zone."""

    schedule: str
    """Five fields."""
    time_zone: str
    """An IANA name."""
    duration: timedelta
    """Elapsed time, whatever the clocks do meanwhile."""


@dataclass(frozen=True, slots=True)
class Override:
    """A change of one occurrence, which it names by the start that the occurrence had before.

    As a RECURRENCE-ID does in iCalendar (RFC 5545, 3.8.4.4).
    """

    occurrence: datetime
    start: datetime | None = None
    """Postpones it; without an `end`, it lasts as long as before."""
    end: datetime | None = None
    skip: bool = False
    """It does not take place."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A stretch ``[start, end)`` that is cut out of every occurrence."""

    start: datetime
    end: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """One MaintenanceWindow, whatever source it came from."""

    namespace: str
    name: str
    apps: tuple[str, ...]
    timing: Fixed | Recurring
    mode: Mode = Mode.FULL
    match: Match = EVERYTHING
    allow: Allow = NOBODY
    suspend: bool = False
    overrides: tuple[Override, ...] = ()
    """Applied first."""
    ended_at: datetime | None = None
    """Every occurrence that contains it ends there; applied after the overrides."""
    exclusions: tuple[Exclusion, ...] = ()
    """Applied last."""
    announce_before: timedelta | None = None
    """From this long before an occurrence, answers say that it is coming."""
    response: Response = field(default_factory=Response)
    description: str = ""
    """For people who run the application; never in an answer."""
    ttl_seconds_after_finished: int | None = None
    """The operator deletes the window this long after its last occurrence."""
    uid: str = ""
    generation: int = 0

    @property
    def key(self) -> str:
        """``namespace/name``, as people and logs name it."""
        return f"{self.namespace}/{self.name}"

    @property
    def for_all(self) -> bool:
        """Whether it concerns all requests alike, but for its mode."""
        return self.match == EVERYTHING and self.allow == NOBODY


def applies_to(window: Window, app: str | None) -> bool:
    """Whether a window concerns an app.

    Patterns are case-sensitive, ``*`` is any run of characters. A process without an app name is
    concerned only by windows for every app.
    """
    if app is None:
        return "*" in window.apps
    return any(matches(pattern, app) for pattern in window.apps)
