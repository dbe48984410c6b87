"""List, then watch: keeps a store equal to what the API server holds.

After client-go's ``tools/cache/reflector.go``. A watch that ends is taken up again where it was; a
version that is gone is listed anew; a server that is away is asked again, ever more rarely and
never by all processes at once; and whatever happens, the store keeps what it knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .pace import Pace
from .transport import ApiError, Silence, Transport, Unreachable

logger = logging.getLogger(__name__)

_GONE = 410
_GATEWAY_TIMEOUT = 504
_TOO_MANY_REQUESTS = 429

ANY_VERSION = "0"
"""As a list's resourceVersion: whatever the server has in its cache."""
NEWEST_VERSION = ""
"""As a list's resourceVersion: a consistent read."""

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

    version: str
    """The resourceVersion up to which all has been seen. The reflector's own: it is kept here so
    that one which begins anew with this store never falls behind it."""

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """All objects that there are; what is not among them is gone."""

    def update(self, kind: str, item: dict[str, Any]) -> None:
        """One object was ADDED, MODIFIED or DELETED."""

    def settle(self) -> None:
        """That was all for now: let it count."""

    def rewind(self) -> None:
        """The server's store was restored from a backup: what was written since then is no more."""


class Listener(Protocol):
    """Who wants to know how it goes."""

    def healthy(self) -> None:
        """The server answered as it should."""

    def failed(self, error: Failure) -> None:
        """It did not; the reflector tries again by itself."""

    def restarted(self) -> None:
        """A watch is opened again."""


class Backoff:
    """Delays that double, with full jitter; a time of health resets them."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._next = pace.first_delay
        self._over_at = time.monotonic()

    def delay(self, at_least: float | None = None) -> float:
        """Seconds to wait before the next try; a server's ``Retry-After`` is honoured."""
        now = time.monotonic()
        if now - self._over_at > self._pace.reset_after:
            self._next = self._pace.first_delay
        longest, self._next = self._next, min(self._next * 2, self._pace.longest_delay)
        wait = min(at_least or 0.0, self._pace.longest_request) + random.uniform(0, longest)
        self._over_at = now + wait
        return wait


class Reflector:
    """Follows one resource until it is cancelled.

    It lists and then watches. A streamed list (WatchList) is not asked for: not all servers have
    it, and a namespace's windows are a small list, which servers answer from their cache.
    """

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        store: Store,
        listener: Listener,
        pace: Pace = Pace(),  # noqa: B008
        oldest: Callable[[], int] = lambda: 0,
    ) -> None:
        self._oldest = oldest
        """The version of what this process has written itself: no older list counts."""
        self._transport = transport
        self._resource = resource
        self._store = store
        self._listener = listener
        self._pace = pace
        self._backoff = Backoff(pace)
        self._expired = False
        """Whether the last thing heard was that a version is gone."""
        self._unforeseen = ""
        self._deaf = False
        """Whether the last watch failed: then a list that succeeds does not make all well."""
        self._told = False
        """Whether the last watch has told of anything."""

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
                failure = self._as_failure(error)
                expired = listed and self._expires_first(failure)
                self._note_version(failure, listing=not listed)
                self._deaf = self._deaf or (listed and not expired)
                listed = listed and self._may_watch_on(failure)
                await self._wait_after(failure, expired=expired)

    async def _list(self) -> None:
        asked, written = self._store.version, self._oldest()
        if asked:
            asked = str(max(int(asked), written))
        params = {**self._resource.params}
        if asked:
            params["resourceVersion"] = asked
        answer = await self._transport.get(self._resource.path, params)
        # Read first: what has no version is no list, and must not empty the store.
        version = str(answer["metadata"]["resourceVersion"])
        _refuse_older(version, asked)
        if self._oldest() > max(int(version), written):
            # This process wrote while the list was on its way: what is read now is later.
            self._store.version = NEWEST_VERSION
            await self._list()
            return
        if written > int(version):
            self._store.rewind()
        self._store.replace(answer.get("items") or [])
        self._store.version = version
        self._store.settle()
        if not self._deaf:
            self._listener.healthy()

    async def _watch(self) -> None:
        """One watch, to its end."""
        began, version = time.monotonic(), self._store.version
        seconds = random.randint(*self._pace.watch)
        params = {
            **self._resource.params,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        self._told = False
        watch = self._transport.watch(self._resource.path, params, self._opened)
        async with contextlib.aclosing(watch) as batches:
            async for events in batches:
                self._take(events)
        self._listener.restarted()
        lasted = time.monotonic() - began
        if lasted < 1.0 and self._store.version == version:
            # What ends each watch at once, with nothing new, must not be asked in a hot loop.
            await asyncio.sleep(self._backoff.delay())
        elif lasted < seconds - 1.0:
            # A server that goes down ends all watches in one instant: not all may come back in one.
            await asyncio.sleep(random.uniform(0, self._pace.spread))

    def _opened(self) -> None:
        self._deaf = False
        self._listener.healthy()

    def _take(self, events: list[dict[str, Any]]) -> None:
        """Events that came together count together."""
        self._told = True
        try:
            for event in events:
                self._take_one(event)
        finally:
            self._store.settle()
        self._listener.healthy()

    def _take_one(self, event: Mapping[str, Any]) -> None:
        kind, item = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            raise ApiError(int(item.get("code") or 500), str(item.get("message")))
        if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
            return
        version = str(item["metadata"]["resourceVersion"])
        _refuse_older(version, self._store.version)
        if kind != "BOOKMARK":
            self._store.update(str(kind), item)
        self._store.version = version
        self._expired = False

    def _as_failure(self, error: Exception) -> Failure:
        """What no one foresaw must not leave the process deaf: it is logged, and listed anew."""
        if isinstance(error, ApiError | Unreachable):
            return error
        if repr(error) != self._unforeseen:
            self._unforeseen = repr(error)
            logger.error("an event could not be taken", exc_info=error)
        return ApiError(500, repr(error))

    async def _wait_after(self, failure: Failure, *, expired: bool) -> None:
        if expired:
            await asyncio.sleep(random.uniform(0, self._pace.spread))
        else:
            self._listener.failed(failure)
            await asyncio.sleep(self._backoff.delay(failure.retry_after))

    def _expires_first(self, failure: Failure) -> bool:
        """Whether a watch is told, for a first time, that its version is gone.

        That is no failure: so each server begins that was started again. After an outage the list
        must not wait for what the tries meanwhile have doubled.
        """
        return isinstance(failure, ApiError) and failure.status == _GONE and not self._expired

    def _may_watch_on(self, error: Failure) -> bool:
        """Whether a watch may go on at the version it had reached, without a new list.

        Not where it told of nothing, not even by a bookmark: a server whose store was restored from
        a backup would keep silent until it comes to that version again.
        """
        if isinstance(error, Silence):
            return self._told
        return isinstance(error, Unreachable) or error.status == _TOO_MANY_REQUESTS

    def _note_version(self, error: Failure, *, listing: bool) -> None:
        """A version that the server no longer has, or does not have yet, is asked for no more.

        After a first 410 the list may still come from the server's cache, at no older a version:
        all watches tend to expire together, and consistent reads of all would go to its store.
        """
        status = error.status if isinstance(error, ApiError) else None
        if status == _GATEWAY_TIMEOUT or (status == _GONE and (listing or self._expired)):
            self._store.version = NEWEST_VERSION
        if status == _GONE:
            self._expired = True


def _refuse_older(version: str, known: str) -> None:
    """State never goes back: neither by a stale cache, nor by one server that lags behind another.

    Versions can be compared as numbers (KEP-5504). Where the server's store was restored from a
    backup they did go back: then a consistent read says how things are.
    """
    if version.isdecimal() and known.isdecimal() and int(version) < int(known):
        raise ApiError(_GATEWAY_TIMEOUT, f"version {version} is older than {known}, known already")
