"""An API server that follows a script, for what lists and watches."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

from fastapi_maintenance.backends.kubernetes.reflector import (
    ANY_VERSION,
    Failure,
    Reflector,
    Resource,
)
from fastapi_maintenance.backends.kubernetes.transport import Transport

Object = dict[str, Any]


class Over(BaseException):
    """The script has ended, and with it the test; nothing that is watched catches this."""


def item(name: str, version: int, **fields: Any) -> Object:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **fields}


def listed(version: int, *items: Object) -> Object:
    """An answer to a list."""
    return {"items": list(items), "metadata": {"resourceVersion": str(version)}}


def added(name: str, version: int) -> Object:
    return {"type": "ADDED", "object": item(name, version)}


def deleted(name: str, version: int) -> Object:
    return {"type": "DELETED", "object": item(name, version)}


def bookmark(version: int) -> Object:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


def error(code: int, message: str = "no") -> Object:
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": message}}


class ScriptedTransport(Transport):
    """Answers in order: a dict to a list; a list of events, and errors among them, to a watch.

    A list among the events is events that come together.
    """

    def __init__(self, script: Iterable[object]) -> None:
        self._script = iter(script)
        self.requests: list[tuple[str, str | None]] = []
        """Verb and resource version of each request."""
        self.params: list[dict[str, str]] = []
        self.open = self.most_open = 0
        """Watches that have not ended."""

    async def get(self, path: str, params: Mapping[str, str]) -> Object:
        answer = self._next("list", params)
        assert isinstance(answer, dict), f"a list was asked for, but scripted is {answer}"
        return answer

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[Object], None]:
        events = self._next("watch", params)
        assert isinstance(events, list), f"a watch was asked for, but scripted is {events}"
        opened()
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            for event in events:
                if isinstance(event, BaseException):
                    raise event
                yield event if isinstance(event, list) else [event]
        finally:
            self.open -= 1

    async def close(self) -> None:
        self.requests.append(("close", None))

    def _next(self, verb: str, params: Mapping[str, str]) -> object:
        answer = next(self._script, Over())
        if isinstance(answer, Over):
            raise answer
        self.requests.append((verb, params.get("resourceVersion")))
        self.params.append(dict(params))
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Names:
    """A store that knows which objects there are."""

    def __init__(self) -> None:
        self.version = ANY_VERSION
        self.known: dict[str, str] = {}
        self.settled: list[dict[str, str]] = []
        """What was known each time that it was to count."""
        self.replaced = 0
        self.hostile: set[str] = set()
        """Names at which the store fails in a way that nobody foresaw."""

    def replace(self, objects: list[Object]) -> None:
        self.known = {}
        for given in objects:
            self._take(given)
        self.replaced += 1

    def update(self, kind: str, given: Object) -> None:
        if kind == "DELETED":
            self.known.pop(given["metadata"]["name"], None)
        else:
            self._take(given)

    def settle(self) -> None:
        self.settled.append(dict(self.known))

    def rewind(self) -> None:
        raise AssertionError("nothing was written")

    def _take(self, given: Object) -> None:
        name = given["metadata"]["name"]
        if name in self.hostile:
            self.hostile.discard(name)
            raise KeyError(name)
        self.known[name] = given["metadata"]["resourceVersion"]


class Ear:
    """Hears how it goes."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def healthy(self) -> None:
        if self.heard[-1:] != ["healthy"]:
            self.heard.append("healthy")

    def failed(self, failure: Failure) -> None:
        self.heard.append(f"failed: {failure}")

    def restarted(self) -> None:
        self.heard.append("restarted")


class Play:
    """A reflector that follows a script to its end."""

    def __init__(self, *script: object, selector: str | None = None) -> None:
        self.transport = ScriptedTransport(script)
        self.store = Names()
        self.ear = Ear()
        resource = Resource("/windows", selector)
        self.reflector = Reflector(self.transport, resource, self.store, self.ear)

    async def run(self) -> Play:
        with contextlib.suppress(Over):
            await self.reflector.run()
        return self

    @property
    def requests(self) -> list[tuple[str, str | None]]:
        return self.transport.requests
