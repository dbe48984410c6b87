"""Blocks of code around which maintenance is on, or off."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast

import anyio
import anyio.from_thread
import anyio.lowlevel

from fastapi_maintenance import _gates
from fastapi_maintenance.backends import BaseStateBackend
from fastapi_maintenance.backends.asked import to_its_end
from fastapi_maintenance.backends.forks import ForkLock
from fastapi_maintenance.backends.work import work_in_flight
from fastapi_maintenance.current import backend_meant, gates_of

_LOOK_EVERY = 0.02
"""Seconds between two looks at what is still in flight."""

logger = logging.getLogger(__name__)

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])


class Override:
    """Maintenance on or off while a block runs: ``with``, ``async with``, or a decorator.

    May be entered any number of times, also at once: a task or thread ends what it began itself.
    """

    def __init__(
        self,
        on: bool,
        backend: Any,
        wait_for: Literal["enforced", "drained"] | None,
        timeout: float,
    ) -> None:
        if wait_for not in (None, "enforced", "drained"):
            raise ValueError(f"wait_for={wait_for!r}: write 'enforced', 'drained' or nothing")
        self._on = on
        self._given = backend
        self._wait_for = wait_for
        self._timeout = timeout
        self._entered: list[tuple[object, BaseStateBackend, Any]] = []
        self._lock = ForkLock()

    async def __aenter__(self) -> Override:
        backend = self._meant()
        block = await _result(backend.open_block(self._on))
        try:
            until = time.monotonic() + self._timeout
            while self._must_wait(backend, until):  # noqa: ASYNC110 - requests are of any loop
                await anyio.sleep(_LOOK_EVERY)
            await _result(self._wait_for_others(backend, block, until))
        except BaseException:
            await _ended(backend, block)
            raise
        self._push(backend, block)
        return self

    async def __aexit__(self, *_: object) -> None:
        await _ended(*self._pop())

    def __enter__(self) -> Override:
        backend = self._meant()
        block = _now(backend.open_block(self._on))
        try:
            self._wait_in_thread(backend, block)
        except BaseException:
            _now(backend.close_block(block))
            raise
        self._push(backend, block)
        return self

    def __exit__(self, *_: object) -> None:
        backend, block = self._pop()
        _now(backend.close_block(block))

    def __call__(self, function: Wrapped) -> Wrapped:
        """Run a function, plain or async, in a block.

        Raises:
            TypeError: it is a generator, which runs when nobody is in the block any more.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator, which no decorator can run in a block: "
                "write `with` or `async with` around what it does"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_async_block(*args: Any, **kwargs: Any) -> Any:
                async with self._again():
                    return await function(*args, **kwargs)

            return cast(Wrapped, in_async_block)

        @functools.wraps(function)
        def in_block(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return cast(Wrapped, in_block)

    def _meant(self) -> BaseStateBackend:
        backend = backend_meant(self._given)
        if self._on and backend.blocks_are_local and not _gates.known:
            logger.warning(
                "maintenance_mode_on() stops nobody: a block of %s is for this process alone, and "
                "here is no MaintenanceModeMiddleware; use a LocalFileBackend that the application "
                "has, too",
                type(backend).__name__,
            )
        return backend

    def _wait_in_thread(self, backend: BaseStateBackend, block: Any) -> None:
        if self._wait_for is not None and _in_event_loop():
            raise RuntimeError("waiting here would stop the requests too: write `async with`")
        until = time.monotonic() + self._timeout
        while self._must_wait(backend, until):
            time.sleep(_LOOK_EVERY)
        _now(self._wait_for_others(backend, block, until))

    def _wait_for_others(self, backend: BaseStateBackend, block: Any, until: float) -> Any:
        return self._wait_for and backend.wait_for_others(block, self._wait_for, until)

    def _must_wait(self, backend: BaseStateBackend, until: float) -> bool:
        # Enforced is at once: every request of the process from here on meets the block.
        running = _in_flight(backend) if self._wait_for == "drained" else 0
        if running and time.monotonic() >= until:
            raise TimeoutError(
                f"{running} request{'s'[: running > 1]} from before still run after "
                f"{self._timeout:g} s; "
                "maintenance is as it was before"
            )
        return running > 0

    def _again(self) -> Override:
        """One for a call of its own: two calls may mean two backends."""
        return Override(self._on, self._given, self._wait_for, self._timeout)

    def _push(self, backend: BaseStateBackend, block: Any) -> None:
        with self._lock:
            self._entered.append((_who(), backend, block))

    def _pop(self) -> tuple[BaseStateBackend, Any]:
        """The latest that the same task or thread began; else, as with a fixture, the latest."""
        me = _who()
        with self._lock:
            own = [i for i, entered in enumerate(self._entered) if entered[0] == me]
            return self._entered.pop(own[-1] if own else -1)[1:]


def maintenance_mode_on(
    backend: Any = None,
    *,
    wait_for: Literal["enforced", "drained"] | None = None,
    timeout: float = 60.0,
) -> Override:
    """Maintenance while a block runs.

    Of the open blocks of a backend the latest decides; one that ends ends only itself. With an
    `EnvVarBackend` a block holds in this process, with a `LocalFileBackend` in every process that
    shares the file, with a `K8sBackend` in every process of the app.

    Args:
        backend: default that of the middleware around the code, the one last configured, or the
            only one that middlewares have.
        wait_for: ``drained`` lets the block begin only when no request from before that it refuses
            still runs, except the one that asks; ``enforced`` when all new ones are refused. With a
            `K8sBackend` that is about all processes, and needs the operator.
        timeout: seconds to wait for that.

    Raises:
        BackendNotConfigured: middlewares have several backends, and none is configured.
        TimeoutError: that took longer; nothing stays on.
        StateNotWritten: other processes could not be told of the block.
    """
    return Override(True, backend, wait_for, timeout)


def maintenance_mode_off(backend: Any = None) -> Override:
    """No maintenance while a block runs, whatever the backend and ``enable_maintenance`` say."""
    return Override(False, backend, None, 0.0)


def _in_flight(backend: BaseStateBackend) -> int:
    requests = sum(gate.in_flight() for gate in gates_of(backend))
    return requests + work_in_flight(backend)


async def _ended(backend: BaseStateBackend, block: Any) -> None:
    """End a block, whoever cancels meanwhile."""
    closing = backend.close_block(block)
    if closing is not None:
        await to_its_end(closing)


async def _result(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _now(value: Any) -> Any:
    """A result in a plain block, also where a backend is async."""
    if not inspect.isawaitable(value):
        return value
    if not _in_event_loop():
        return _from_outside_the_loop(value)
    if inspect.iscoroutine(value):
        value.close()
    raise RuntimeError("this backend is async: write `async with`, or await in an async function")


def _in_event_loop() -> bool:
    """Whether this thread runs an event loop, of whatever kind."""
    for look in (asyncio.get_running_loop, anyio.lowlevel.current_token):
        try:
            look()
        except RuntimeError:
            continue
        return True
    return False


def _who() -> object:
    """The task that runs, else the thread."""
    try:
        return anyio.get_current_task().id
    except RuntimeError:
        return threading.current_thread()


def _from_outside_the_loop(value: Awaitable[Any]) -> Any:
    """In the loop that this thread works for, as an endpoint's does, else in one of its own."""
    try:
        anyio.from_thread.run_sync(_nothing)
    except RuntimeError:
        return asyncio.run(_result(value))
    return anyio.from_thread.run(_result, value)


def _nothing() -> None:
    """Works only in a thread of an event loop."""
