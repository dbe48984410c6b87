"""List, then watch: keeps a store equal to what the API server holds.

After client-go's ``tools/cache/reflector.go``. A watch that ends is taken up again where it was; a
version that is gone is listed anew; a server that is away is asked again, ever more rarely and
never by all processes at once; and whatever happens, the store keeps what it knows.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .transport import ApiError, Transport, Unreachable

logger = logging.getLogger(__name__)

_GONE = 410
_GATEWAY_TIMEOUT = 504
_TOO_MANY_REQUESTS = 429


Failure = ApiError | Unreachable


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection to follow."""

    path: str
    field_selector: str | None = None

    @property
    def params(self) -> dict[str, str]:
        """What each request about the collection says."""
        return {"fieldSelector": self.field_selector} if self.field_selector else {}


class Store(Protocol):
    """Where a reflector puts what it sees."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """All objects that there are; what is not among them is gone."""

    def update(self, kind: str, item: dict[str, Any]) -> None:
        """One object was ADDED, MODIFIED or DELETED."""


class Listener(Protocol):
    """Who wants to know how it goes."""

    def healthy(self) -> None:
        """The server answered as it should."""

    def failed(self, error: Failure) -> None:
        """It did not; the reflector tries again by itself."""

    def restarted(self) -> None:
        """A watch is opened again."""


class Backoff:
    """Delays that double from 0.8 s to 30 s, with full jitter; two healthy minutes reset them."""

    def __init__(
        self, first: float = 0.8, longest: float = 30.0, reset_after: float = 120.0
    ) -> None:
        self._first, self._longest, self._reset_after = first, longest, reset_after
        self._next = first
        self._used_at = time.monotonic()

    def delay(self, at_least: float | None = None) -> float:
        """Seconds to wait before the next try; a server's ``Retry-After`` is honoured."""
        now = time.monotonic()
        if now - self._used_at > self._reset_after:
            self._next = self._first
        self._used_at = now
        longest, self._next = self._next, min(self._next * 2, self._longest)
        return (at_least or 0.0) + random.uniform(0, longest)


class Reflector:
    """Follows one resource until it is cancelled."""

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        store: Store,
        listener: Listener,
        oldest: Callable[[], int] = lambda: 0,
    ) -> None:
        self._transport = transport
        self._resource = resource
        self._store = store
        self._listener = listener
        self._oldest = oldest
        """The version of what this process has written itself; no older list counts."""
        self._backoff = Backoff()
        self._version = "0"
        """The version known last; "0" takes any cache, "" asks for a consistent read."""
        self._deaf = False
        """Whether the last watch failed: then a list that succeeds does not make all well."""

    @property
    def version(self) -> int:
        """How far it has come; 0 before the first list."""
        return int(self._version or 0)

    async def run(self) -> None:
        """List and watch, for ever."""
        listed = False
        while True:
            try:
                if not listed:
                    await self._list()
                    listed = True
                await self._watch()
            except Exception as error:
                failure = _as_failure(error)
                self._deaf = self._deaf or listed
                listed = listed and _may_watch_on(failure)
                self._note_version(failure)
                self._listener.failed(failure)
                await asyncio.sleep(self._backoff.delay(getattr(failure, "retry_after", None)))

    async def _list(self) -> None:
        params = {**self._resource.params}
        if self._version:
            params["resourceVersion"] = str(max(int(self._version), self._oldest()))
        answer = await self._transport.get(self._resource.path, params)
        # Read first: what has no version is no list, and must not empty the store.
        version = str(answer["metadata"]["resourceVersion"])
        if self._version and self._oldest() > int(version):
            # This process wrote while the list was on its way: what is read now is later.
            self._version = ""
            return await self._list()
        self._store.replace(answer.get("items") or [])
        self._version = version
        if not self._deaf:
            self._listener.healthy()
        return None

    async def _watch(self) -> None:
        """One watch, to its end."""
        began, version = time.monotonic(), self._version
        params = {
            **self._resource.params,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(300, 600)),
        }
        async for event in self._transport.watch(self._resource.path, params, self._opened):
            self._take(event)
        self._listener.restarted()
        if self._version == version and time.monotonic() - began < 1.0:
            # What ends each watch at once, with nothing new, must not be asked in a hot loop.
            await asyncio.sleep(self._backoff.delay())

    def _opened(self) -> None:
        self._deaf = False
        self._listener.healthy()

    def _take(self, event: Mapping[str, Any]) -> None:
        kind, item = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            raise ApiError(int(item.get("code") or 500), str(item.get("message")))
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            self._store.update(str(kind), item)
        elif kind != "BOOKMARK":
            return
        self._version = str(item["metadata"]["resourceVersion"])
        self._listener.healthy()

    def _note_version(self, error: Failure) -> None:
        """A version that the server no longer has, or does not have yet, is asked for no more."""
        if isinstance(error, ApiError) and error.status in (_GONE, _GATEWAY_TIMEOUT):
            self._version = ""


def _as_failure(error: Exception) -> Failure:
    """What no one foresaw must not leave the process deaf: it is logged, and listed anew."""
    if isinstance(error, ApiError | Unreachable):
        return error
    logger.error("an event could not be taken", exc_info=error)
    return ApiError(500, repr(error))


def _may_watch_on(error: Failure) -> bool:
    """Whether a watch may go on at the version it had reached, without a new list."""
    return isinstance(error, Unreachable) or error.status == _TOO_MANY_REQUESTS
