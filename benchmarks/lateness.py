"""How long after an edge the first request is answered as the edge demands.

A client in the application's own event loop asks again as soon as it has its answer. What counts
is the end of the first answer of the new kind; and any request that began after the edge and was
answered as before is wrong, however quickly the next one was right. The same is done with an
application without a gate, which looks at the clock itself: so late is this machine at best.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import sys
import time
from bisect import bisect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest import mock

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance.backends import base
from tests.unit.making import stored

from .subjects import edged
from .subjects.apps import gated, make_scope
from .subjects.ours import APP, cluster
from .workers import say

PATH = "/orders"

BURNERS, BURN = 4, 0.0005
"""In a loaded loop, so many tasks keep it for so many seconds each, in every turn."""

_HOUR = timedelta(hours=1)
_BETWEEN_EDGES = timedelta(milliseconds=50)
_READ_A_SECOND = 2_000
"""Windows that also a machine with other work to do reads."""
_BETWEEN_LEAPS = 0.01
"""Seconds of asking between two leaps of the clock."""
_ASLEEP = 0.02
"""Seconds for which a machine that sleeps answers nothing."""

Clock = Callable[[], float]
Stretches = list[tuple[datetime, datetime]]
Due = tuple[float, bool]
"""The instant of an edge, and whether requests are refused from there on."""
Answer = tuple[float, float, bool]
"""When a request began, when its answer ended, and whether it was refused."""


@dataclass(frozen=True)
class Asked:
    """What is asked."""

    make: Callable[[Stretches], ASGIApp]
    """From the stretches of time in which it is to refuse."""
    lead: timedelta = timedelta(seconds=1)
    """It is made in less, unless the machine has other work to do."""


@dataclass
class Answers:
    """When what is to be answered changes, and what was answered; in seconds of one clock."""

    clock: Clock
    due: list[Due] = field(default_factory=list)
    given: list[Answer] = field(default_factory=list)

    async def ask_until(self, end: float, app: ASGIApp) -> None:
        """Put one request after the other."""
        while self.clock() < end:
            await asyncio.sleep(0)  # whatever else the loop has to do comes first
            self.given.append(await self._ask(app))

    async def _ask(self, app: ASGIApp) -> Answer:
        statuses: list[int] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        began = self.clock()
        await app(make_scope(PATH), _never, send)
        return began, self.clock(), statuses == [503]

    def late_ms(self) -> list[float]:
        """Of each edge, milliseconds until the first answer that is as it demands has ended.

        Infinite where there was none before the next edge.
        """
        late = []
        for (due, on), (following, _) in self._stretches():
            ends = (e for _, e, refused in self.given if due <= e < following and refused is on)
            late.append((next(ends, math.inf) - due) * 1000)
        return late

    def wrong(self) -> int:
        """How often a request between two edges was answered as before the first of them."""
        return sum(
            due <= began and ended < following and refused is not on
            for (due, on), (following, _) in self._stretches()
            for began, ended, refused in self.given
        )

    def _stretches(self) -> Iterator[tuple[Due, Due]]:
        """Each edge with the next."""
        return itertools.pairwise([*self.due, (math.inf, False)])


async def on_time(asked: Asked, windows: int, loaded: bool) -> Answers:
    """One-shot windows open and close one after the other while a client asks."""
    app, stretches = _in_time(asked, windows)
    answers = Answers(time.time)
    for start, end in stretches:
        answers.due += [(start.timestamp(), True), (end.timestamp(), False)]
    async with _load(loaded):
        await asyncio.sleep(answers.due[0][0] - 0.1 - time.time())
        await answers.ask_until(answers.due[-1][0] + 0.05, app)
    return answers


def _in_time(asked: Asked, windows: int) -> tuple[ASGIApp, Stretches]:
    """Made before its first window opens, if need be with a longer lead."""
    lead = asked.lead
    while True:
        begin = datetime.now(UTC) + lead
        starts = [begin + n * 2 * _BETWEEN_EDGES for n in range(windows)]
        stretches = [(start, start + _BETWEEN_EDGES) for start in starts]
        app = asked.make(stretches)
        if begin - datetime.now(UTC) > timedelta(seconds=0.2):
            return app, stretches
        lead *= 2


async def on_steps(asked: Asked, windows: int, loaded: bool) -> Answers:
    """The wall clock is put forward into each of some windows, and back to before it."""
    starts = _starts(windows)
    leaps = [leap for s in starts for leap in ((s + _HOUR / 2, True), (s - _HOUR / 2, False))]
    return await _leaping(asked, starts, leaps, loaded, asleep=0)


async def on_waking(asked: Asked, windows: int, loaded: bool) -> Answers:
    """The machine sleeps until a window has begun, and then until it has ended.

    Its wall clock leaps, its monotonic clock does not.
    """
    starts = _starts(windows)
    leaps = [leap for s in starts for leap in ((s, True), (s + _HOUR, False))]
    return await _leaping(asked, starts, leaps, loaded, asleep=_ASLEEP)


async def _leaping(
    asked: Asked,
    starts: list[datetime],
    leaps: list[tuple[datetime, bool]],
    loaded: bool,
    asleep: float,
) -> Answers:
    answers, wall = Answers(time.perf_counter), _Wall()
    app = asked.make([(start, start + _HOUR) for start in starts])
    async with _load(loaded):
        with _as_wall_clock(wall):
            for target, on in leaps:
                await answers.ask_until(time.perf_counter() + _BETWEEN_LEAPS, app)
                time.sleep(asleep)  # noqa: ASYNC251 - a machine that sleeps runs nothing
                wall.put(target)
                answers.due.append((time.perf_counter(), on))
            await answers.ask_until(time.perf_counter() + _BETWEEN_LEAPS, app)
    return answers


def _starts(windows: int) -> list[datetime]:
    begin = datetime.now(UTC) + 2 * _HOUR
    return [begin + n * 2 * _HOUR for n in range(windows)]


def gate(known: int) -> Asked:
    """An application behind a backend that knows so many windows, few of them ours."""
    return Asked(partial(_gate, known), Asked.lead + timedelta(seconds=known / _READ_A_SECOND))


def floor() -> Asked:
    """An application that refuses by looking at the clock itself, and does nothing else."""
    return Asked(_floor)


def _gate(known: int, stretches: Stretches) -> ASGIApp:
    own = [
        stored(f"own-{n}", apps=[APP], start=edged.written(start), end=edged.written(end))
        for n, (start, end) in enumerate(stretches)
    ]
    say(f"Reading {known:,} windows, {len(own)} of them ours …")
    app = FastAPI()
    app.get(PATH)(_ordered)
    others = edged.others(known - len(own))
    return gated(app, MaintenanceModeMiddleware, backend=cluster(*others, *own))


def _floor(stretches: Stretches) -> ASGIApp:
    edges = [instant.timestamp() for stretch in stretches for instant in stretch]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        status = 503 if bisect(edges, base.wall_clock()) % 2 else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


async def _ordered() -> dict[str, str]:
    return {"order": "a book"}


async def _never() -> Message:
    """A client that has sent everything, and stays connected."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nothing ends this")


@contextlib.asynccontextmanager
async def _load(loaded: bool) -> AsyncIterator[None]:
    burners = [asyncio.create_task(_burn()) for _ in range(BURNERS if loaded else 0)]
    try:
        yield
    finally:
        for burner in burners:
            burner.cancel()
        await asyncio.gather(*burners, return_exceptions=True)


async def _burn() -> None:
    while True:
        until = time.perf_counter() + BURN
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0)


class _Wall:
    """The time of day, which can be set; between, it goes on as ever."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def put(self, instant: datetime) -> None:
        self._ahead = instant.timestamp() - time.time()


@contextlib.contextmanager
def _as_wall_clock(wall: _Wall) -> Iterator[None]:
    """For all of the package."""
    with contextlib.ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("fastapi_maintenance.") and hasattr(module, "wall_clock"):
                stack.enter_context(mock.patch.object(module, "wall_clock", wall))
        yield
