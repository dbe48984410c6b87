"""When a process reports: soon where somebody waits for it, and never all processes at once.

A window opens for a thousand processes in the same millisecond. An API server and its etcd take
some hundred writes a second beside their other work, so that each process waits for its own moment
within as many seconds as all of them need together.
"""

from __future__ import annotations

import math
import random

ACKNOWLEDGEMENTS_PER_SECOND = 100
"""Of all processes of a namespace, on average."""

STRETCH = 1.2
"""A heartbeat comes after its seconds, or up to so many times as many."""

LEAST_PAUSE = 1.0
"""Seconds from one piece of news to the next, whatever flickers in a process."""

LONGEST_REQUEST = 60.0
"""Most seconds that a ``Retry-After`` of the server is followed: it may be wrong, or a proxy's."""

FIRST_DELAY, LONGEST_DELAY = 0.8, 30.0
"""Seconds until a report that failed is tried again; doubled each time, with full jitter."""

_MOST_BEATS_BETWEEN_COUNTS = 10


class ReportPace:
    """Says when the next report is due. Times are those of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.peers = 1
        """How many processes share the API server's attention, as far as is known."""
        self._soon = math.inf
        self._beat = -math.inf
        self._heartbeat = 0.0
        self._not_before = -math.inf
        self._delay = FIRST_DELAY
        self._beats = 0
        self._count_at = 1

    @property
    def due(self) -> float:
        """When to report."""
        return max(self._not_before, min(self._soon, self._beat))

    def hurry(self, now: float) -> None:
        """There is news; whatever else comes until it is told, is told with it."""
        spread = self.peers / ACKNOWLEDGEMENTS_PER_SECOND
        # Where a heartbeat is due in that time it is as good a moment, and one write fewer.
        if self._soon == math.inf and self._beat > now + spread:
            self._soon = now + random.uniform(0, spread)

    def at_once(self) -> None:
        """There is no time to wait for one's turn."""
        self._soon = self._not_before = -math.inf

    def calm(self) -> None:
        """There is no news any more."""
        self._soon = math.inf

    def registered(self, now: float, heartbeat: float) -> None:
        """The first report has arrived; the next one may follow at once."""
        self._not_before = -math.inf
        self._settle_beat(now, heartbeat)

    def told(self, now: float, heartbeat: float) -> None:
        """A report has arrived; the next one is due after a heartbeat, or with the next news."""
        self._not_before = -math.inf if self._soon == math.inf else now + LEAST_PAUSE
        self._beats += 1
        self._settle_beat(now, heartbeat)

    def _settle_beat(self, now: float, heartbeat: float) -> None:
        """When the next heartbeat is due: never in step with those of others.

        What all processes tell at once, such as that a window has opened, leaves the beat of each
        where it was; and where all beat more slowly from now on, each begins somewhere in the beat.
        """
        if heartbeat < self._heartbeat or now >= self._beat:
            self._beat = now + heartbeat * random.uniform(1.0, STRETCH)
        if heartbeat > self._heartbeat:
            self._beat = now + heartbeat * random.uniform(0.0, STRETCH)
        self._heartbeat = heartbeat
        self._soon, self._delay = math.inf, FIRST_DELAY

    def failed(self, now: float, asked: float | None = None) -> float:
        """One has not: what was due stays due, but not at once. Returns the seconds to wait.

        At least those that the server has `asked` for, if it has.
        """
        pause = min(asked or 0.0, LONGEST_REQUEST) + random.uniform(0, self._delay)
        self._delay = min(2 * self._delay, LONGEST_DELAY)
        self._not_before = now + pause
        return pause

    def counts_again(self) -> bool:
        """Whether it is time to ask how many processes there are: rarely, for one that is old."""
        if self._beats < self._count_at:
            return False
        self._count_at = self._beats + min(self._beats, _MOST_BEATS_BETWEEN_COUNTS)
        return True
