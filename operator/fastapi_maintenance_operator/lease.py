"""Who acts: the one process that holds a Lease, as client-go's leader election has it.

Two things keep an old leader from doing harm. It stops writing when its renew deadline passes, on
its own monotonic clock and before anybody else may take the Lease. And a process that was frozen
meanwhile writes with resource versions that are no longer the newest, which the API server refuses.

(kubernetes-asyncio's own election goes by the wall clock, writes local time as UTC, has no
timeouts, ends at the first broken connection, and never gives the Lease back.)
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes_asyncio import client

from .api import FAILURES, message_of
from .names import FIELD_MANAGER, LEASE

logger = logging.getLogger(__name__)

Object = dict[str, Any]

_RESOURCE = ("coordination.k8s.io", "v1")
_PLURAL = "leases"
LEASES = (*_RESOURCE, _PLURAL)
"""Group, version and plural."""
_TAKEN = (404, 409, 422)
"""What the API server answers to a write that somebody else's came before."""


_FAREWELL = 1.0
"""Seconds to give the Lease back; whoever ends this process waits for it."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds; in client-go's proportions, and a fifth shorter than its 15, 10 and 2.

    A standby sees a renewal up to `retry` after it was made and waits for `duration` from there: so
    it takes over within 15 s of a leader's death.
    """

    duration: float = 12.0
    """How long nobody else takes a Lease that is not renewed."""
    deadline: float = 8.0
    """How long the holder acts without a renewal; less than `duration`, for slow clocks."""
    retry: float = 2.0
    """Between two tries to renew or to take it."""
    request: float = 3.0
    """What one request may take: two of them fit into the deadline."""


class LeaseLost(Exception):
    """Somebody else holds the Lease, or it could not be renewed in time."""


class Lease:
    """One candidate for the Lease: take it, keep it, give it back.

    Args:
        api: Makes the requests; must not be held back by the Lease itself.
        namespace: Where the Lease is.
        identity: Names this process, and no process before it.
        monotonic: Seconds of a clock that nobody sets.
        sleep: Waits on that clock.
    """

    def __init__(
        self,
        api: client.CustomObjectsApi,
        namespace: str,
        identity: str,
        *,
        timings: Timings = Timings(),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api, self.namespace, self.identity = api, namespace, identity
        self._timings, self._monotonic, self._sleep = timings, monotonic, sleep
        self._known: Object | None = None
        self._known_since = monotonic()
        self._held_until = float("-inf")
        self._trouble = ""
        self.last_try = monotonic()
        """When it was last tried to take or renew it, for the liveness probe."""

    @property
    def held(self) -> bool:
        """Whether this process may act now."""
        return self._monotonic() < self._held_until

    @property
    def standing_by(self) -> bool:
        """Whether somebody else is known to hold the Lease."""
        return _holder(self._known) not in ("", self.identity)

    async def acquire(self) -> None:
        """Return once the Lease is held."""
        holder = None
        while not await self._try():
            if (seen := _holder(self._known)) and seen != holder:
                holder = seen
                logger.info("standing by: %s holds the Lease", holder)
            await self._sleep(self._pause())

    async def keep(self) -> None:
        """Renew the Lease as long as that works.

        Raises:
            LeaseLost: this process may act no longer.
        """
        while True:
            await self._sleep(self._timings.retry)
            if await self._try():
                continue
            holder = _holder(self._known)
            if holder and holder != self.identity:
                self._held_until = float("-inf")
                raise LeaseLost(f"{holder} holds it")
            if not self.held:
                raise LeaseLost(f"not renewed for {self._timings.deadline:g} s")

    async def release(self) -> None:
        """Give the Lease back, so that a standby need not wait for its end; failures are logged."""
        held, self._held_until = self.held, float("-inf")
        if not held or self._known is None:
            return
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._give_back()
        except FAILURES as error:
            logger.warning("the Lease could not be given back: %s", message_of(error))

    async def _give_back(self) -> None:
        """A renewal that was cut off may have arrived: so look at what stands there."""
        self._known = await self._read()
        if _holder(self._known) == self.identity:
            await self._write(
                {**_spec(self._known), "holderIdentity": "", "leaseDurationSeconds": 1}
            )

    async def _try(self) -> bool:
        """Take or renew the Lease if that may be done now."""
        started = self.last_try = self._monotonic()
        try:
            taken = await self._take()
        except FAILURES as error:
            self._failed(error)
            return False
        self._trouble = ""
        if taken:
            # From before the request: nobody may take it for `duration` since the write.
            self._held_until = started + self._timings.deadline
        return taken

    async def _take(self) -> bool:
        if _holder(self._known) != self.identity or not self.held:
            self._notice(await self._read())
        if not self._free():
            return False
        self._notice(await self._write(self._claim(datetime.now(UTC))))
        return True

    def _failed(self, error: Exception) -> None:
        """Told once, however long it lasts."""
        before, self._trouble = self._trouble, ""
        if isinstance(error, client.ApiException) and error.status in _TAKEN:
            self._known = None  # somebody was quicker: look who, at the next try
            return
        self._trouble = message_of(error)
        if self._trouble != before:
            logger.warning("the Lease can't be asked for: %s", self._trouble)

    def _notice(self, lease: Object | None) -> None:
        """Remember since when the Lease stands as it does, on this process's own clock."""
        if _spec(lease) != _spec(self._known):
            self._known_since = self._monotonic()
        self._known = lease

    def _free(self) -> bool:
        holder = _holder(self._known)
        return not holder or holder == self.identity or self._monotonic() >= self._free_at()

    def _free_at(self) -> float:
        """When the Lease ends unless it is renewed: by the holder's word, by this clock."""
        said = _spec(self._known).get("leaseDurationSeconds")
        return self._known_since + float(said or self._timings.duration)

    def _pause(self) -> float:
        """Until the next try: sooner where the Lease ends sooner; drawn, so that two don't meet.

        A server that does not answer is not asked more often because of that end.
        """
        regular = self._timings.retry * random.uniform(0.8, 1.0)
        if self._trouble:
            return regular
        return min(regular, max(self._free_at() - self._monotonic(), 0.1))

    def _claim(self, now: datetime) -> Object:
        before, text = _spec(self._known), now.isoformat(timespec="microseconds")
        stamp = text.replace("+00:00", "Z")
        mine = before.get("holderIdentity") == self.identity
        changes = int(before.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(self._timings.duration),
            "acquireTime": before["acquireTime"] if mine else stamp,
            "renewTime": stamp,
            "leaseTransitions": changes if mine or not before else changes + 1,
        }

    async def _read(self) -> Object | None:
        try:
            found: Object = await self._api.get_namespaced_custom_object(
                *_RESOURCE, self.namespace, _PLURAL, LEASE, _request_timeout=self._timings.request
            )
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise
        return found

    async def _write(self, spec: Object) -> Object | None:
        """Write it over the version that is known; without one, only where there is none yet.

        A PUT creates a Lease, under rights for its name alone; over one that is there it needs a
        resource version.
        """
        metadata = dict((self._known or {}).get("metadata") or {"name": LEASE})
        metadata.pop("managedFields", None)
        written: Object | None = await self._api.replace_namespaced_custom_object(
            *_RESOURCE,
            self.namespace,
            _PLURAL,
            LEASE,
            {
                "apiVersion": "/".join(_RESOURCE),
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            },
            field_manager=FIELD_MANAGER,
            _request_timeout=self._timings.request,
        )
        # The client library gives nothing back where the Lease was created (201).
        return written or await self._read()


def make_identity() -> str:
    """A name for this process: its host's, and something that no process before it had."""
    return f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"


def _spec(lease: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (lease or {}).get("spec") or {}


def is_kept(lease: Object) -> bool:
    """Whether somebody has renewed it as long ago as it lasts, at most; by this machine's clock."""
    spec = _spec(lease)
    try:
        renewed = datetime.fromisoformat(str(spec["renewTime"]))
    except (KeyError, ValueError):
        return False
    lasts = timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
    return bool(_holder(lease)) and datetime.now(UTC) < renewed + lasts


def _holder(lease: Mapping[str, Any] | None) -> str:
    return str(_spec(lease).get("holderIdentity") or "")
