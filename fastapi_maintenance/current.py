"""Which backend is meant here and now, and what it says."""

from __future__ import annotations

import weakref
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Scope

from fastapi_maintenance.backends import BaseStateBackend, EnvVarBackend, LocalFileBackend
from fastapi_maintenance.backends.anyof import as_backend
from fastapi_maintenance.windows import Mode, State


class Gate:
    """A middleware, as those see it who ask it from elsewhere."""

    given: BaseStateBackend | None
    """Its own backend, if it was given one."""

    @property
    def backend(self) -> BaseStateBackend:
        """The backend that it asks."""
        raise NotImplementedError

    def decide(self) -> State:
        """What holds behind it now."""
        raise NotImplementedError

    def in_flight(self) -> int:
        """How many requests run that it would refuse now, the one that asks aside."""
        raise NotImplementedError


class BackendNotConfigured(RuntimeError):
    """Several backends are in use, and nothing says which of them is meant."""


current_connection: ContextVar[tuple[Gate, Scope] | None] = ContextVar(
    "fastapi_maintenance_connection", default=None
)
"""The innermost middleware around the code that runs, and what it let in; None outside of any."""

_gates: weakref.WeakSet[Gate] = weakref.WeakSet()
_environment = EnvVarBackend()
_configured: BaseStateBackend | None = None


def current_gate() -> Gate | None:
    """The innermost middleware around the code that runs; None outside of any."""
    entered = current_connection.get()
    return None if entered is None else entered[0]


def register_gate(gate: Gate) -> None:
    """Make a middleware known to code that runs outside of it."""
    _gates.add(gate)


def gates_of(backend: BaseStateBackend) -> list[Gate]:
    """The middlewares that a block of this backend concerns."""
    return [gate for gate in _gates if _concerns(gate.backend, backend)]


def configure_backend(backend_type: str, **options: Any) -> None:
    """Set the backend that serves where none is given.

    Args:
        backend_type: ``env``, ``file`` or ``kubernetes``.
        options: the arguments of `EnvVarBackend`, `LocalFileBackend` or `K8sBackend`.

    Raises:
        ValueError: there is no such backend.
    """
    global _configured
    _configured = make_backend(backend_type, **options)


def make_backend(backend_type: str, **options: Any) -> BaseStateBackend:
    """The backend of this type, with these arguments."""
    if backend_type == "env":
        return EnvVarBackend(**options)
    if backend_type == "file":
        return LocalFileBackend(**options)
    if backend_type == "kubernetes":
        from fastapi_maintenance.backends import K8sBackend

        return K8sBackend(**options)
    raise ValueError(f"Unsupported backend type: {backend_type!r}; write env, file or kubernetes")


def configured_backend() -> BaseStateBackend:
    """The backend of a middleware that was given none: the last configured, else env."""
    return _configured or _environment


def backend_meant(given: Any = None) -> BaseStateBackend:
    """The backend that a call means; looked up at each call.

    What it names; else the backend of the innermost middleware around it; else the last that was
    configured; else the one that middlewares were given; else the environment's.

    Raises:
        BackendNotConfigured: middlewares were given several, and none is configured.
    """
    if given is not None:
        return as_backend(given)
    gate = current_gate()
    if gate is not None:
        return gate.backend
    return _configured or _only_one({_identity(b): b for g in _gates if (b := g.given)})


async def get_maintenance_mode(backend: Any = None) -> bool:
    """Whether the whole application is refused now, blocks included.

    Args:
        backend: the one to ask; default as `backend_meant` says. Inside a request that is the
            middleware around it, with its ``enable_maintenance``.
    """
    gate = current_gate()
    meant = backend_meant(backend)
    if not meant.ready:
        await meant.wait_until_ready()
    state = meant.decide() if backend is not None or gate is None else gate.decide()
    return state.reads is not None


async def set_maintenance_mode(value: bool, backend: Any = None) -> None:
    """Turn maintenance on or off.

    Args:
        value: True turns it on.
        backend: the one to write; default as `backend_meant` says.

    Raises:
        StateNotWritten: it is as it was.
    """
    await backend_meant(backend).set_value(value)


@dataclass(frozen=True)
class MaintenanceState:
    """What the middleware around a request enforces now."""

    active: bool
    """Whether any request is refused."""
    mode: Mode | None = None
    window: str | None = None
    """``namespace/name`` of the window that refuses; None for a switch."""
    until: datetime | None = None
    """When service comes back, where that is known."""
    next: datetime | None = None
    """When the next window opens, where one is known."""
    message: str | None = None
    """What refused requests are told."""


def maintenance_state(connection: HTTPConnection) -> MaintenanceState:
    """What the middleware around a request enforces now: for `Depends`, templates and handlers.

    Raises:
        RuntimeError: there is no middleware around it.
    """
    gate = current_gate()
    if gate is None:
        path = connection.scope.get("path", "")
        raise RuntimeError(f"no MaintenanceModeMiddleware is around {path}: add it first")
    state = gate.decide()
    refusal = state.strongest
    if refusal is None:
        return MaintenanceState(active=False, next=state.upcoming)
    opening = refusal.opening
    return MaintenanceState(
        active=True,
        mode=opening.mode,
        window=opening.source.removeprefix("window=") if opening.is_window else None,
        until=refusal.until,
        next=state.upcoming,
        message=opening.response.message,
    )


def _only_one(backends: dict[object, BaseStateBackend]) -> BaseStateBackend:
    if len(backends) > 1:
        raise BackendNotConfigured(
            f"{len(backends)} backends are in use: say which is meant by backend=…, or once by "
            "configure_backend(…)"
        )
    return next(iter(backends.values()), _environment)


def _identity(backend: BaseStateBackend) -> object:
    return type(backend), backend.key


def _concerns(source: BaseStateBackend, backend: BaseStateBackend) -> bool:
    members = getattr(source, "members", (source,))
    meant = getattr(backend, "members", (backend,))
    return not {_identity(b) for b in members}.isdisjoint(_identity(b) for b in meant)
