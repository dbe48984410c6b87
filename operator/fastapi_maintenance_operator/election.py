"""The Lease in a thread of its own.

Ten thousand windows keep the event loop of the work busy for seconds at a time; the Lease would not
be renewed meanwhile, and its loss would begin the same work again from the start.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from kubernetes_asyncio import client

from .access import connect
from .lease import Lease, make_identity

T = TypeVar("T")

_JOIN_SECONDS = 0.5


class Election:
    """A Lease that lives in another event loop; what it says of itself may be read from here."""

    def __init__(self, lease: Lease, loop: asyncio.AbstractEventLoop) -> None:
        self._lease, self._loop = lease, loop

    @property
    def identity(self) -> str:
        """What this process is called as a candidate."""
        return self._lease.identity

    @property
    def held(self) -> bool:
        """Whether this process may act now."""
        return self._lease.held

    @property
    def standing_by(self) -> bool:
        """Whether somebody else is known to hold the Lease."""
        return self._lease.standing_by

    @property
    def last_try(self) -> float:
        """When it was last tried to take or renew it, on the monotonic clock."""
        return self._lease.last_try

    async def acquire(self) -> None:
        """Return once the Lease is held."""
        await _there(self._loop, self._lease.acquire())

    async def keep(self) -> None:
        """Renew the Lease as long as that works.

        Raises:
            LeaseLost: this process may act no longer.
        """
        await _there(self._loop, self._lease.keep())

    async def release(self) -> None:
        """Give the Lease back."""
        await _there(self._loop, self._lease.release())


@asynccontextmanager
async def election(configuration: client.Configuration, namespace: str) -> AsyncIterator[Election]:
    """Stand for election as long as the block lasts; with a connection to the API server apart."""
    loop = asyncio.new_event_loop()
    # A daemon: a connection that hangs must not hold up the end of the process.
    thread = threading.Thread(target=loop.run_forever, name="election", daemon=True)
    thread.start()
    try:
        api_client = await _there(loop, _connect(configuration))
        try:
            lease = Lease(client.CustomObjectsApi(api_client), namespace, make_identity())
            yield Election(lease, loop)
        finally:
            await _there(loop, api_client.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, _JOIN_SECONDS)
        if not loop.is_running():
            loop.close()


async def _connect(configuration: client.Configuration) -> client.ApiClient:
    return connect(configuration)


async def _there(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Do something in another event loop; a cancellation here cancels it there."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
