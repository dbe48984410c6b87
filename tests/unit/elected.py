"""Candidates for a Lease on a clock of their own, and an API server that is slow, deaf or down."""

from __future__ import annotations

import asyncio
import copy
import heapq
import itertools
from collections.abc import Callable
from typing import Any

from kubernetes_asyncio.client import ApiException

from fastapi_maintenance_operator.lease import Lease, LeaseLost

Object = dict[str, Any]


class SimulatedClock:
    """Time that passes only when nobody has anything left to do."""

    def __init__(self) -> None:
        self.time = 0.0
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait on this clock."""
        if seconds <= 0:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (self.time + seconds, next(self._count), woken))
        await woken

    async def run(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Let so much time pass; `each` is called at every instant at which something happens."""
        end = self.time + seconds
        await self._settle()
        each()
        while self._heap and self._heap[0][0] <= end:
            self.time, _, woken = heapq.heappop(self._heap)
            if not woken.done():
                woken.set_result(None)
            await self._settle()
            each()
        self.time = end
        each()

    async def _settle(self) -> None:
        for _ in range(20):  # more than any step here takes
            await asyncio.sleep(0)


class LeaseServer:
    """The one Lease, with what the API server makes of its resource versions."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.version = 0
        self.writes: list[str] = []

    def read(self) -> Object:
        """As a GET."""
        if self.lease is None:
            raise ApiException(status=404)
        return copy.deepcopy(self.lease)

    def write(self, body: Object) -> Object | None:
        """As a PUT: creates it where there is none, and gives nothing back then (the client)."""
        wanted = body["metadata"].get("resourceVersion")
        before = self.lease
        if before is None and wanted is not None:
            raise ApiException(status=409)
        if before is not None and wanted is None:
            raise ApiException(status=422)
        if before is not None and wanted != before["metadata"]["resourceVersion"]:
            raise ApiException(status=409)
        self.version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        self.writes.append(str(body["spec"]["holderIdentity"]))
        return copy.deepcopy(self.lease) if before is not None else None


class Line:
    """A candidate's way to the server; stands where the client library stands."""

    def __init__(self, server: LeaseServer, clock: SimulatedClock) -> None:
        self._server, self._clock = server, clock
        self.down = False
        self.refused = 0
        """Requests while it was down."""
        self.delays: list[tuple[float, float]] = []
        """Seconds there and back, for the next requests."""

    async def get_namespaced_custom_object(self, *_: object, **options: Any) -> Object:
        found: Object = await self._carry(self._server.read, options["_request_timeout"])
        return found

    async def replace_namespaced_custom_object(self, *args: Any, **options: Any) -> Object | None:
        timeout = options["_request_timeout"]
        written: Object | None = await self._carry(lambda: self._server.write(args[-1]), timeout)
        return written

    async def _carry(self, act: Callable[[], Any], timeout: float) -> Any:
        """Whatever came of it is not known to a client that waited for too long."""
        if self.down:
            self.refused += 1
            raise ConnectionRefusedError("down")
        there, back = self.delays.pop(0) if self.delays else (0.0, 0.0)
        await self._clock.sleep(there)
        if self.down:
            raise ConnectionResetError("down")
        answer = act()
        await self._clock.sleep(max(min(back, timeout - there), 0.0))
        if there + back > timeout:
            raise TimeoutError
        return answer


class Candidate:
    """A process that stands for election for as long as it lives."""

    def __init__(self, name: str, server: LeaseServer, clock: SimulatedClock) -> None:
        self.line = Line(server, clock)
        api: Any = self.line
        self.lease = Lease(api, "ops", name, monotonic=clock, sleep=clock.sleep)
        self.lost: list[str] = []
        self._task = asyncio.ensure_future(self._stand())

    async def _stand(self) -> None:
        while True:
            await self.lease.acquire()
            try:
                await self.lease.keep()
            except LeaseLost as error:
                self.lost.append(str(error))

    async def die(self) -> None:
        """As by SIGKILL: nothing is given back."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def stop(self) -> None:
        """As by SIGTERM."""
        await self.die()
        await self.lease.release()
