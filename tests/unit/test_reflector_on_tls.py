"""What no real API server can be made to do, from a server of TLS that does as it is told.

Numbers are those of the behaviours that test_behaviours.py lists.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastapi_maintenance.backends.kubernetes import reflector
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.reflector import Backoff, Reflector, Resource
from fastapi_maintenance.backends.kubernetes.transport import Transport
from tests.python import python
from tests.unit.scripted import Ear, Names, added, error, item, listed
from tests.unit.tls_server import Account, Object, Request, Server, Wire, serving

pytestmark = pytest.mark.anyio

QUICK = Pace(first_delay=0.01, longest_delay=0.05, spread=0.01, connect=5, answer=5, idle=(5, 5))

Answer = Callable[[Wire], Awaitable[None]]


class Playing:
    """A reflector that follows a server; the last of the watches scripted stays open."""

    def __init__(self, server: Server, pace: Pace = QUICK) -> None:
        self.server = server
        self.store = Names()
        self.ear = Ear()
        self.transport = Transport(Account(server), pace)
        self._reflector = Reflector(self.transport, Resource("/w"), self.store, self.ear, pace)

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        """Verb and version of each request."""
        return [
            ("watch" if r.watches else "list", r.params.get("resourceVersion"))
            for r in self.server.requests
        ]

    @property
    def failures(self) -> list[str]:
        return [heard for heard in self.ear.heard if heard.startswith("failed")]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_known(self, **names: int) -> None:
        """Exactly these objects, at these versions."""
        wanted = {name: str(version) for name, version in names.items()}
        await self.until(lambda: self.store.known == wanted)

    async def run(self) -> None:
        try:
            await self._reflector.run()
        finally:
            await self.transport.close()


@contextlib.asynccontextmanager
async def playing(*answers: Answer | Object, pace: Pace = QUICK) -> AsyncIterator[Playing]:
    """Follow a server that gives these answers in this order, and then keeps silent."""
    left = list(answers)

    async def handler(_: Request, wire: Wire) -> None:
        answer = left.pop(0) if left else open_watch()
        if isinstance(answer, dict):
            await wire.answer(200, answer)
        else:
            await answer(wire)

    async with serving(handler) as server, asyncio.TaskGroup() as group:
        play = Playing(server, pace)
        task = group.create_task(play.run())
        yield play
        task.cancel()


def open_watch(*events: Object) -> Answer:
    async def answer(wire: Wire) -> None:
        await wire.open()
        if events:
            await wire.events(*events)
        await wire.silence()

    return answer


def ended_watch(*chunks: bytes) -> Answer:
    async def answer(wire: Wire) -> None:
        await wire.open()
        for chunk in chunks:
            await wire.chunk(chunk)
        await wire.end()

    return answer


def status(code: int, body: bytes | Object = b"", **headers: str) -> Answer:
    async def answer(wire: Wire) -> None:
        await wire.answer(code, body, **headers)

    return answer


async def test_05_a_410_as_an_answer_is_listed_anew() -> None:
    gone = status(410, {"code": 410, "message": "too old"})
    async with playing(listed(5, item("a", 3)), gone, listed(9, item("b", 8))) as play:
        await play.until_known(b=8)
        await play.until(lambda: len(play.asked) == 4)
        assert play.asked == [("list", "0"), ("watch", "5"), ("list", "5"), ("watch", "9")]


async def test_06_a_410_twice_asks_for_a_consistent_list() -> None:
    """Whatever a cache has is then too old; after it, all is as at first."""
    gone = open_watch(error(410))
    answers = (listed(5), gone, listed(6), gone, listed(7, item("a", 7)))
    async with playing(*answers) as play:
        await play.until_known(a=7)
        await play.until(lambda: len(play.asked) == 6)
        versions = [version for _, version in play.asked]
        assert versions == ["0", "5", "5", "6", None, "7"]


async def test_07_an_error_in_the_stream_is_listed_anew_and_loses_nothing() -> None:
    broken = open_watch(added("a", 6), error(500, "etcdserver: leader changed"))
    async with playing(listed(5), broken, listed(8, item("a", 6), item("b", 8))) as play:
        await play.until_known(a=6, b=8)
        assert play.failures == ["failed: 500: etcdserver: leader changed"]
        assert play.asked[2] == ("list", "6")


async def test_08_a_429_is_waited_for_as_long_as_the_server_asks_and_not_listed() -> None:
    answered: list[float] = []

    async def busy(wire: Wire) -> None:
        answered.append(time.monotonic())
        await wire.answer(429, {"message": "later"}, Retry_After="1")

    async with playing(listed(5), busy, open_watch(added("a", 6))) as play:
        await play.until_known(a=6)
        assert time.monotonic() - answered[0] >= 1.0
        assert play.asked == [("list", "0"), ("watch", "5"), ("watch", "5")]


@pytest.mark.parametrize("code", [200, 502])
async def test_11_html_of_a_gateway_is_a_failure_in_its_first_words(code: int) -> None:
    page = status(code, b"<html>\n<h1>Bad Gateway</h1></html>\n")
    async with playing(listed(5, item("a", 3)), page, listed(6, item("b", 6))) as play:
        await play.until_known(b=6)
        assert [known for known, _ in groupby(play.store.settled)] == [{"a": "3"}, {"b": "6"}]
        assert "502: <html>" in play.failures[0] or "not JSON" in play.failures[0]


async def test_12_empty_answers_are_asked_for_at_the_rate_of_the_backoff(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers without an event, of delays that are the longest allowed."""
    longest = SimpleNamespace(uniform=lambda low, high: high, randint=random.randint)
    monkeypatch.setattr(reflector, "random", longest)
    pace = replace(QUICK, first_delay=0.05, longest_delay=0.1)
    began = time.monotonic()
    async with playing(listed(5), *[ended_watch()] * 100, pace=pace) as play:
        await play.until(lambda: time.monotonic() - began > 0.5 and len(play.asked) > 3)
        asked = len(play.asked) - 1
        assert asked <= 1 + 0.05 / 0.05 + (time.monotonic() - began) / 0.1


async def test_13_a_stream_that_ends_in_mid_line_is_taken_up_where_it_was() -> None:
    """The event that was cut off is told again; half of it is nothing."""
    half = ended_watch(b'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVers')
    async with playing(listed(5), half, open_watch(added("a", 6))) as play:
        await play.until_known(a=6)
        assert play.asked == [("list", "0"), ("watch", "5"), ("watch", "5")]
        assert play.failures == []


async def test_16_unknown_types_of_events_are_passed_over() -> None:
    """A later API server may have more of them; the version stays."""
    unknown = {"type": "SOMETHING", "object": item("x", 99)}
    async with playing(listed(5), open_watch(unknown, {"type": None}, added("a", 6))) as play:
        await play.until_known(a=6)
        assert play.failures == []


async def test_20_a_stale_list_never_rolls_state_back() -> None:
    """A cache that lags behind is not believed; a consistent read is, which it can't answer."""
    lost = open_watch(added("a", 7), error(500))
    stale, consistent = listed(4, item("old", 4)), listed(9, item("a", 7), item("b", 9))
    async with playing(listed(5), lost, stale, consistent) as play:
        await play.until_known(a=7, b=9)
        assert all("old" not in known for known in play.store.settled)
        assert [version for _, version in play.asked[:4]] == ["0", "5", "7", None]


async def test_23_a_thousand_processes_that_lost_their_server_come_back_apart() -> None:
    """By their backoff: away for half a minute, they ask at a bounded rate, then and after."""
    tries = sorted(lost_for(30.0, processes=1000))
    a_second = Counter(int(at) for at, _ in tries)
    assert max(a_second[second] for second in range(10, 30)) < 200
    back = [at for at, first in tries if first]
    assert len(back) == 1000
    assert max(Counter(int(at) for at in back).values()) < 100
    assert statistics.pstdev(back) > 4
    assert max(back) < 30 + Pace().longest_delay


def lost_for(seconds: float, *, processes: int) -> list[tuple[float, bool]]:
    """When processes try to reach a server that is away, and whether a try is the one that does."""
    tries = []
    clock = [0.0]
    chance = random.Random(6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reflector, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        patch.setattr(reflector, "random", chance)
        backoffs = [Backoff(Pace()) for _ in range(processes)]
        waiting = [(0.0, number) for number in range(processes)]
        while waiting:
            clock[0], number = heapq.heappop(waiting)
            tries.append((clock[0], clock[0] >= seconds))
            if clock[0] < seconds:
                again = clock[0] + backoffs[number].delay()
                heapq.heappush(waiting, (again, number))
    return tries


EVENTS = """
import asyncio, json, sys
from fastapi_maintenance.backends.kubernetes.reflector import Reflector, Resource
from fastapi_maintenance.backends.kubernetes.sources import WindowStore
from fastapi_maintenance.backends.kubernetes.transport import Transport
from fastapi_maintenance.backends.kubernetes.views import Known, View
from tests.unit.making import stored
from tests.unit.scripted import Ear, listed
from tests.unit.tls_server import Account, serving

def event(number):
    item = stored(f"w{number % 50}", number + 10, suspend=bool(number % 3))
    item["metadata"]["generation"] = number
    return json.dumps({"type": "MODIFIED", "object": item}).encode() + b"\\n"

def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * 4096

async def main(early, total):
    async def handler(request, wire):
        if not request.watches:
            return await wire.answer(200, listed(1))
        await wire.open()
        for first in range(0, total, 10):
            await wire.chunk(b"".join(event(n) for n in range(first, first + 10)))
        await wire.silence()

    async with serving(handler) as server, asyncio.TaskGroup() as group:
        store, view, taken = WindowStore(), View("orders"), {}
        def publish():
            view.take(Known("shop", store.windows, None, True))
            view.timeline.at(1.8e9)
            version = int(store.version)
            if "early" not in taken and version >= early:
                taken["early"] = resident()
            if version >= total + 9:
                taken["late"] = resident()
                task.cancel()
        store.begin(publish)
        transport = Transport(Account(server))
        task = group.create_task(Reflector(transport, Resource("/w"), store, Ear()).run())
    await transport.close()
    print(taken["early"], taken["late"])

asyncio.run(main(*map(int, sys.argv[1:])))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_27_memory_is_flat_after_100_000_events() -> None:
    """From TLS to the decision: less than 1 % more than after the first tenth.

    Up to three tries: how much comes at once, and so the greatest buffer, is chance; a leak is not.
    """
    grown: list[tuple[int, int]] = []
    while len(grown) < 3 and not any(late < early * 1.01 for early, late in grown):
        grown.append(_resident_early_and_late())
    assert any(late < early * 1.01 for early, late in grown), f"bytes early and late: {grown}"


def _resident_early_and_late() -> tuple[int, int]:
    early, late = map(int, python("-c", EVENTS, "10000", "100000").split())
    return early, late
