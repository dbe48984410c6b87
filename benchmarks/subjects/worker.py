"""The process that holds the subjects of one environment, and times what it is told over a pipe.

All subjects of an environment share one process: two processes differ by some percent for as long
as they live (addresses, the order of hashes), which is more than what is to be measured.

Requests and answers are lines of JSON:

    {"ready": {"bare": {"status": 200, "against": "bare"}, …}}
    {"calls": {"bare": 300, "again": 300, …}, "slices": 8}
    {"ns": {"again": [[70123.0, 70101.0], …], …}}

A sample is cut into slices, each beside one of its bare application: what slows the machine down
for some milliseconds then slows both, or is an outlier among the slices.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from .apps import Subject, make_scope
from .shapes import Shape

_FIRST_CALLS = 3
"""At least, of a slice, that do not count: the bare application, beside all others, is warmer."""


_WARM_UP_CALLS = 300
"""Of a subject, unless they take many times as long as the time to warm up."""
_WARM_UP_PATIENCE = 60


class Lifespan:
    """An application that has been started as a server would."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when it has started; raise if it could not."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.ensure_future(self._run(scope))
        await self._tell("lifespan.startup")

    async def stop(self) -> None:
        """End it as a server would."""
        await self._tell("lifespan.shutdown")

    async def _run(self, scope: dict[str, Any]) -> None:
        await self._app(scope, self._in.get, self._out.put)

    async def _tell(self, what: str) -> None:
        await self._in.put({"type": what})
        answer = await asyncio.wait_for(self._out.get(), 30)
        if answer["type"] != f"{what}.complete":
            raise RuntimeError(f"{what}: {answer}")


async def ask(subject: Subject) -> int:
    """The status of one answer, which must be the one that the subject is about."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    call = _measured(subject)(make_scope(subject.path), _never, send)
    await asyncio.wait_for(call, 30)
    status = int(sent[0]["status"])
    if status not in subject.status or sent[-1].get("more_body"):
        raise RuntimeError(f"{subject.name}: {status} in place of {subject.status}")
    return status


async def run(subject: Subject, calls: int) -> int:
    """Nanoseconds that so many requests take, one after the other."""
    app, scope = _measured(subject), make_scope(subject.path)
    began = time.perf_counter_ns()
    for _ in range(calls):
        await app({**scope}, _never, _drop)
    return time.perf_counter_ns() - began


async def take(
    calls: dict[str, int], slices: int, subjects: dict[str, Subject]
) -> dict[str, list[list[float]]]:
    """A sample of each, in slices: nanoseconds of a request to it, and to its bare application.

    The order is drawn anew for each slice, and first calls do not count: whoever comes second
    finds the processor's caches filled by who came first, which amounted to 3 %.
    """
    taken: dict[str, list[list[float]]] = {name: [] for name in calls}
    order = [name for name in calls if subjects[name].against != name]
    gc.disable()
    for number in range(slices):
        random.shuffle(order)
        for name in order:
            count = calls[name] * (number + 1) // slices - calls[name] * number // slices
            if count:
                against = subjects[name].against
                counts = {name: count, against: math.ceil(calls[against] / slices)}
                pair = await _take_pair(counts, subjects)
                taken[name].append([pair[name], pair[against]])
    gc.enable()
    gc.collect()
    return taken


async def _take_pair(counts: dict[str, int], subjects: dict[str, Subject]) -> dict[str, float]:
    """One slice of a subject and one of its bare application, by turns the first."""
    taken = {}
    for name in random.sample(list(counts), len(counts)):
        count = counts[name]
        await run(subjects[name], max(_FIRST_CALLS, count // 2) if count > 1 else 0)
        taken[name] = await run(subjects[name], count) / count
    return taken


def _measured(subject: Subject) -> ASGIApp:
    app: ASGIApp = getattr(subject.app, "measured", subject.app)
    return app


async def _never() -> Message:
    """A client that has sent everything, and stays connected."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody disconnects")


async def _drop(message: Message) -> None:
    """A socket that takes all at once."""


async def serve(subjects: list[Subject], warm_up_ms: int) -> None:
    """Start all, then do what the pipe says until it ends.

    Each is warmed up: caches are filled, the interpreter specialises its bytecode, and our gate
    has looked at as many responses as it does at first.
    """
    apps = {id(subject.app): subject.app for subject in subjects}
    lifespans = [Lifespan(app) for app in apps.values()]
    for lifespan in lifespans:
        await lifespan.start()
    for subject in subjects:
        began, calls = time.perf_counter(), 0
        while (spent := (time.perf_counter() - began) * 1000) < warm_up_ms or (
            calls < _WARM_UP_CALLS and spent < warm_up_ms * _WARM_UP_PATIENCE
        ):
            await run(subject, 1)
            calls += 1
    ready = {s.name: {"status": await ask(s), "against": s.against} for s in subjects}
    by_name = {subject.name: subject for subject in subjects}
    gc.collect()
    gc.freeze()
    _say({"ready": ready})
    for line in sys.stdin:  # blocks the event loop, which has nothing else to do meanwhile
        told = json.loads(line)
        _say({"ns": await take(told["calls"], told["slices"], by_name)})
    for subject in subjects:
        await ask(subject)
    for lifespan in lifespans:
        await lifespan.stop()


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """Arguments: ``module:function`` that makes the subjects, a shape's kind and routes,
    milliseconds to warm up, and what to measure.
    """
    factory, shape, routes, warm_up_ms, *kinds = sys.argv[1:]
    module, _, name = factory.partition(":")
    make: Callable[[Shape, list[str], Path], list[Subject]]
    make = getattr(importlib.import_module(module), name)
    with tempfile.TemporaryDirectory() as folder:
        subjects = make(Shape(shape, int(routes)), kinds, Path(folder))
        asyncio.run(serve(subjects, int(warm_up_ms)))


if __name__ == "__main__":
    main()
