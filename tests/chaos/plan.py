"""What happens when: faults and writes, drawn from a seed and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_maintenance.backends.kubernetes.pace import Pace

NAMES = tuple(f"w{number}" for number in range(5))
PATHS = ("/orders", "/invoices")

BRISK = Pace(
    first_delay=0.2,
    longest_delay=2.0,
    spread=0.2,
    idle=(10.0, 12.0),
    first_word=10.0,
    connect=2.0,
    answer=5.0,
    reset_after=10.0,
)
"""As the defaults, for a run that has not all day."""


@dataclass(frozen=True)
class Manner:
    """How a run goes about it; all in seconds."""

    pace: Pace
    """Of the applications."""
    storm: float
    """With faults, after which come so many seconds"""
    calm: float
    """without any."""
    faults: tuple[float, float]
    """How long one lasts."""
    vanishing: bool
    """Whether connections may go silent for ever, which takes `Pace.idle` to be seen."""
    arrival: float
    """In which an acknowledged write arrives where nothing is wrong but that all are busy,"""
    by_operator: float
    """and in which it does by the operator's plan."""


LONG = Manner(Pace(), storm=45, calm=105, faults=(1, 12), vanishing=True, arrival=1, by_operator=3)
# Beside other tests all are busier.
SHORT = Manner(
    BRISK, storm=14, calm=16, faults=(0.5, 4), vanishing=False, arrival=3, by_operator=10
)


@dataclass(frozen=True)
class Fault:
    """Something is done to one of those that a run depends on, and undone later."""

    at: float
    """Seconds after the beginning."""
    lasts: float
    subject: str
    """``apiserver``, ``etcd``, ``operator``, or ``link``, which is the way to the API server."""
    kind: str

    def __str__(self) -> str:
        return f"{self.at:6.1f} s: {self.kind} {self.subject} for {self.lasts:.1f} s"


@dataclass(frozen=True)
class Spec:
    """A window; seconds count from the moment at which it is first sent."""

    starts_in: int | None
    """None: long ago."""
    lasts: int | None
    """None: open-ended."""
    mode: str
    path: str | None
    """None: every path."""
    app: str
    suspend: bool


@dataclass(frozen=True)
class Write:
    """A window is applied, or deleted."""

    at: float
    """Seconds after the beginning, at the earliest."""
    name: str
    spec: Spec | None
    """None: it is deleted."""


def draw_faults(seed: int, seconds: float, manner: Manner) -> list[Fault]:
    """Two lanes: what happens to the servers, and beside it to those who depend on them."""
    servers = ("apiserver kill", "apiserver pause", "etcd kill", "etcd pause")
    others: tuple[str, ...] = (
        "link cut",
        "link stall",
        "link slow",
        "operator kill",
        "operator pause",
    )
    others += ("link vanish",) if manner.vanishing else ()
    lanes = [
        fault
        for kinds in (servers, others)
        for fault in _lane(random.Random(f"{seed}: {kinds}"), kinds, seconds, manner)
    ]
    return sorted(lanes, key=lambda fault: fault.at)


def _lane(
    chance: random.Random, kinds: tuple[str, ...], seconds: float, manner: Manner
) -> Iterator[Fault]:
    at = 1.0
    while True:
        at += chance.uniform(0.5, manner.faults[1])
        lasts = round(chance.uniform(*manner.faults), 2)
        subject, kind = chance.choice(kinds).split()
        into = at % (manner.storm + manner.calm)
        if into + lasts > manner.storm:
            at += manner.storm + manner.calm - into
            continue
        if at + lasts > seconds:
            return
        yield Fault(round(at, 2), lasts, subject, kind)
        at += lasts


def draw_writes(seed: int, seconds: float) -> list[Write]:
    """One after the other, on a few names, so that windows are edited and recreated, too."""
    chance = random.Random(f"{seed}: writes")
    writes, at = [], 0.5
    while at < seconds:
        name = chance.choice(NAMES)
        spec = None if chance.random() < 0.4 else _spec(chance)
        writes.append(Write(round(at, 2), name, spec))
        at += chance.uniform(0.2, 2.0)
    return writes


def _spec(chance: random.Random) -> Spec:
    starts_in = chance.choice((None, None, 1, 2, 4))
    return Spec(
        starts_in=starts_in,
        lasts=chance.choice((None, 2, 3, 5)),
        mode=chance.choice(("Full", "Full", "ReadOnly")),
        path=chance.choice((None, *PATHS)),
        app=chance.choice(("orders", "orders", "orders", "payments")),
        suspend=chance.random() < 0.1,
    )
