"""What each process says of itself, by the last word that was heard of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fastapi_maintenance.proof.processes import Flight, Process
from fastapi_maintenance.windows import Occurrence, Window
from fastapi_maintenance.windows.scope import counts_for


class Doing(StrEnum):
    """What a process does; the value is what people read."""

    SILENT = "silent"
    LETS_THROUGH = "lets requests through"
    DRAINING = "refuses, still running"
    WAITED_FOR = "has not answered yet"
    REFUSING = "refuses"
    SERVING = "serves"


@dataclass(frozen=True, slots=True)
class Replica:
    """One process."""

    namespace: str
    app: str
    name: str
    """Of its Pod, if it has one."""
    doing: Doing
    reason: str
    """Why it lets requests through."""
    windows: tuple[str, ...]
    """What it does so for."""
    in_flight: int
    oldest: Flight | None
    heard: datetime

    def holds(self, window: str) -> bool:
        """Whether it keeps a window from being drained."""
        return window in self.windows and self.doing not in (Doing.REFUSING, Doing.SERVING)


Opened = Mapping[str, list[tuple[Window, Occurrence]]]
"""The windows that are open now, by namespace."""


def make_replicas(
    processes: Iterable[tuple[str, Process]], opened: Opened, now: datetime
) -> list[Replica]:
    """All processes: those that hold up a drain first, then by namespace, app and name."""
    replicas = [_replica(n, p, opened.get(n, []), now) for n, p in processes]
    return sorted(replicas, key=lambda r: (r.namespace, _ORDER[r.doing], r.app, r.name))


_ORDER = {doing: number for number, doing in enumerate(Doing)}


def _replica(
    namespace: str, process: Process, opened: list[tuple[Window, Occurrence]], now: datetime
) -> Replica:
    asked = [(w, o) for w, o in opened if counts_for(w, process.app)]
    words = [(w, o, process.words.get(w.uid)) for w, o in asked]
    lapsing = [word for _, _, word in words if word and word.reason is not None]
    running = [word for _, _, word in words if word and word.in_flight]
    waited_for = [w for w, o, word in words if not word or word.occurrence != o.start]
    doing = Doing.REFUSING if asked else Doing.SERVING
    if waited_for:
        doing = Doing.WAITED_FOR
    if running:
        doing = Doing.DRAINING
    if lapsing:
        doing = Doing.LETS_THROUGH
    if process.is_silent(now):
        doing = Doing.SILENT
    flights = [word.oldest for word in running if word.oldest]
    return Replica(
        namespace,
        process.app or "",
        process.called,
        doing,
        next((word.reason or "" for word in lapsing), ""),
        tuple(w.name for w, _ in asked),
        max((word.in_flight for word in running), default=0),
        min(flights, key=lambda flight: flight.since, default=None),
        process.renewed,
    )
