"""A thread that writes to the cluster, for as long as there is something to write.

A thread with an event loop of its own, so that a block is renewed while the application's loop is
busy, and so that plain code, any event loop and any thread may write. It ends with its last job:
most processes never write.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import anyio

from .identity import Identity, KubeconfigIdentity
from .objects import FIELD_MANAGER, Object, encoded
from .transport import ApiError, NoAccess, Transport, Unreachable

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a write may take."""
_LONGEST_NAP = 0.005
"""Seconds between two looks whether a job is done; who waits may be of any event loop."""

_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_MANAGER = {"fieldManager": FIELD_MANAGER}

_STRANGE = "the answer is no Kubernetes object"

logger = logging.getLogger(__name__)


class Api:
    """The requests that write."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self.namespace = namespace
        self._transport = transport

    async def get(self, path: str) -> Object:
        """One object, as etcd has it."""
        return _object(await self._request("GET", path, {}))

    async def create(self, path: str, body: Object) -> Object:
        """Make an object in the collection at a path."""
        return _object(await self._request("POST", path, _MANAGER, encoded(body)))

    async def merge(self, path: str, body: Object) -> Object:
        """Change what is named, and nothing else (RFC 7386)."""
        return _object(await self._request("PATCH", path, _MANAGER, encoded(body), _MERGE))

    async def apply(self, path: str, body: Object) -> Object:
        """Make an object unless it is there: the name in the path lets a role be limited to it."""
        return _object(await self._request("PATCH", path, _MANAGER, encoded(body), _APPLY))

    async def delete(self, path: str, uid: str | None) -> None:
        """Delete an object, but no other that has its name by now; None where none can have it."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        answer = await self._request("DELETE", path, {}, encoded(options))
        if "kind" not in answer:  # the object, or a Status
            raise ApiError(200, _STRANGE)

    async def _request(self, *what: Any) -> Object:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._transport.request(*what)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {PATIENCE:g} s") from error


def _object(answer: Object) -> Object:
    """The answer, if that is what it is: something between may answer in a server's place.

    Raises:
        ApiError: it is something else.
    """
    metadata = answer.get("metadata")
    if (
        "kind" in answer
        and isinstance(metadata, dict)
        and {"name", "resourceVersion"} <= {*metadata}
    ):
        return answer
    raise ApiError(200, _STRANGE)


Job = Callable[[Api], Awaitable[T]]


class Writer:
    """Does jobs, each when it comes, for one identity and namespace.

    Args:
        identity: who writes.
        namespace: where; None is the identity's own.
    """

    def __init__(self, identity: Identity, namespace: str | None) -> None:
        self._identity = identity
        self._namespace = namespace
        self._lock = threading.Lock()
        self._thread: _Thread | None = None

    def submit(self, job: Job[T]) -> Future[T]:
        """Begin a job."""
        future: Future[T] = Future()
        with self._lock:
            if self._thread is None:
                self._thread = _Thread(Transport(self._identity))
            self._thread.jobs += 1
            self._thread.begin(self._do(job, future, self._thread))
        return future

    def wake(self, event: asyncio.Event) -> None:
        """Set an event that a job waits for; nothing where no job is left."""
        with self._lock:
            if self._thread is not None:
                self._thread.loop.call_soon_threadsafe(event.set)

    def forget_thread(self) -> None:
        """It does not survive a fork: in the child, its jobs are another process's."""
        self._lock = threading.Lock()
        self._thread = None

    async def _do(self, job: Job[T], future: Future[T], thread: _Thread) -> None:
        try:
            result = await job(self._api(thread.transport))
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        with self._lock:
            thread.jobs -= 1
            if not thread.jobs:
                self._thread = None
                thread.idle.set()

    def _api(self, transport: Transport) -> Api:
        try:
            namespace = self._namespace or self._identity.namespace
        except Exception as error:  # a kubeconfig can be wrong in many ways
            raise NoAccess("the namespace", error) from error
        if isinstance(self._identity, KubeconfigIdentity):
            logger.warning("writing to namespace %s by %s", namespace, self._identity)
        return Api(transport, namespace)


class _Thread:
    """One thread, from the first of some jobs to the end of the last."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.loop = asyncio.new_event_loop()
        self.idle = asyncio.Event()
        self.jobs = 0
        self._tasks: set[asyncio.Task[None]] = set()
        threading.Thread(target=self._run, name="fastapi-maintenance-writes", daemon=True).start()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the others."""
        self.loop.call_soon_threadsafe(self._begin, work)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._until_idle())

    async def _until_idle(self) -> None:
        try:
            await self.idle.wait()
        finally:
            await self.transport.close()


async def result_of(future: Future[T]) -> T:
    """What a job comes to, for whoever waits in an event loop of whatever kind."""
    while not future.done():  # noqa: ASYNC110
        await anyio.sleep(_LONGEST_NAP)
    return future.result()
