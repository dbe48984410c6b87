"""A process with many reflectors, each with connections of its own, that notes what they ask.

Started by `benchmarks.reconnect`, with the environment that a Pod has. It prints a line of JSON
when all watch, another one when all have lost their watch and found it again, and then all that
was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi_maintenance.backends.kubernetes.identity import PodIdentity
from fastapi_maintenance.backends.kubernetes.reflector import Failure, Reflector
from fastapi_maintenance.backends.kubernetes.sources import WindowStore
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport

AT_ONCE = 20


@dataclass
class Asked:
    """What all reflectors have asked."""

    requests: list[list[float | None]] = field(default_factory=list)
    """When each was asked, and when it was answered if it was (monotonic clock)."""
    watching: int = 0
    """Watches that are open now."""

    def begin(self) -> Callable[[], None]:
        """A request goes out; what is returned is to be called when its answer comes."""
        request: list[float | None] = [time.monotonic(), None]
        self.requests.append(request)

        def answered() -> None:
            request[1] = time.monotonic()

        return answered


class NotedTransport(Transport):
    """Notes each request."""

    def __init__(self, identity: PodIdentity, asked: Asked) -> None:
        super().__init__(identity)
        self._asked = asked

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """As it does."""
        with _noted(self._asked) as answered:
            answer = await super().get(path, params)
            answered()
        return answer

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        """As it does."""
        with _noted(self._asked) as answered, contextlib.ExitStack() as open_now:

            def note() -> None:
                answered()
                opened()
                open_now.enter_context(self._counted())

            async for events in super().watch(path, params, note):
                if events[0]["type"] == "ERROR":  # this is the answer, after a mere beginning
                    answered()
                yield events

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._asked.watching += 1
        try:
            yield
        finally:
            self._asked.watching -= 1


@contextlib.contextmanager
def _noted(asked: Asked) -> Iterator[Callable[[], None]]:
    answered = asked.begin()
    try:
        yield answered
    except ApiError:
        answered()
        raise


class Silence:
    """A listener who says nothing."""

    def healthy(self) -> None:
        """Nothing to say."""

    def failed(self, error: Failure) -> None:
        """Nothing to say."""

    def restarted(self) -> None:
        """Nothing to say."""


async def main(count: int, mount: Path) -> None:
    """Connect, lose it, find it, tell."""
    asked = Asked()
    identity = PodIdentity(mount)
    tasks = []
    for number in range(count):
        store = WindowStore()
        transport = NotedTransport(identity, asked)
        reflector = Reflector(transport, store.resource(identity.namespace), store, Silence())
        tasks.append(asyncio.create_task(reflector.run()))
        while asked.watching < number + 1 - AT_ONCE:
            await asyncio.sleep(0.01)
    await _until(lambda: asked.watching == count)
    print(json.dumps({"watching": count}), flush=True)
    await _until(lambda: asked.watching == 0)
    await _until(lambda: asked.watching == count)
    print(json.dumps({"back": time.monotonic()}), flush=True)
    print(json.dumps({"requests": asked.requests}), flush=True)
    for task in tasks:
        task.cancel()


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
