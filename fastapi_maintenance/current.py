"""Which backend is meant here and now, and what it says.

Whoever asks here can do so within a request, so from its import on middlewares keep in mind what
they have let in. An application that never asks does not pay for it.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import HTTPConnection

from fastapi_maintenance import _gates
from fastapi_maintenance._gates import current_gate
from fastapi_maintenance.backends import BaseStateBackend, EnvVarBackend
from fastapi_maintenance.backends.anyof import as_backend
from fastapi_maintenance.windows import Mode

_gates.track()


class BackendNotConfigured(RuntimeError):
    """Several backends are in use, and nothing says which of them is meant."""


def gates_of(backend: BaseStateBackend) -> list[_gates.Gate]:
    """The middlewares that a block of this backend concerns."""
    return [gate for gate in _gates.all_known() if _concerns(gate.backend, backend)]


def configure_backend(backend_type: str, **options: Any) -> None:
    """Set the backend that serves where none is given.

    Args:
        backend_type: ``env``, ``file`` or ``kubernetes``.
        options: the arguments of `EnvVarBackend`, `LocalFileBackend` or `K8sBackend`.

    Raises:
        ValueError: there is no such backend.
    """
    _gates.configured = backend = make_backend(backend_type, **options)
    if backend.reports:
        from ._threads import count_all  # here, since few applications need it

        count_all()


def make_backend(backend_type: str, **options: Any) -> BaseStateBackend:
    """The backend of this type, with these arguments."""
    if backend_type == "env":
        return EnvVarBackend(**options)
    if backend_type == "file":
        from fastapi_maintenance.backends import LocalFileBackend

        return LocalFileBackend(**options)
    if backend_type == "kubernetes":
        from fastapi_maintenance.backends import K8sBackend

        return K8sBackend(**options)
    raise ValueError(f"Unsupported backend type: {backend_type!r}; write env, file or kubernetes")


def backend_meant(given: Any = None) -> BaseStateBackend:
    """The backend that a call means; looked up at each call.

    What it names; else the backend of the innermost middleware around it; else the last that was
    configured; else the one that middlewares have; else the environment's.

    Raises:
        BackendNotConfigured: middlewares were given several, and none is configured.
    """
    if given is not None:
        return as_backend(given)
    gate = current_gate()
    if gate is not None:
        return gate.backend
    return _gates.configured or _only_one()


async def get_maintenance_mode(backend: Any = None) -> bool:
    """Whether the whole application is refused now, blocks included.

    Args:
        backend: the one to ask. Default: inside a request the middleware around it, with its
            ``enable_maintenance``; else the backend last configured, the only one that middlewares
            have, or the environment's.

    Raises:
        BackendNotConfigured: middlewares have several backends, and none is configured.
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
        backend: the one to write. Default: that of the innermost middleware around the code; else
            the one last configured, the only one that middlewares have, or the environment's.

    Raises:
        BackendNotConfigured: middlewares have several backends, and none is configured.
        StateNotWritten: nothing has changed, unless the error says that nobody knows.
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


def _only_one() -> BaseStateBackend:
    """The backend that middlewares were given."""
    backends = _all_given()
    if len(backends) > 1:
        gc.collect()  # middlewares are parts of cycles: some may have gone
        backends = _all_given()
    if len(backends) > 1:
        raise BackendNotConfigured(
            f"{len(backends)} backends are in use: say which is meant by backend=…, or once by "
            "configure_backend(…)"
        )
    return next(iter(backends.values()), _gates.environment)


def _all_given() -> dict[object, BaseStateBackend]:
    return {_identity(b): b for gate in _gates.all_known() if (b := gate.given) is not None}


def _identity(backend: BaseStateBackend) -> object:
    return type(backend), backend.state_key()


def _concerns(source: BaseStateBackend, backend: BaseStateBackend) -> bool:
    members = getattr(source, "members", (source,))
    meant = getattr(backend, "members", (backend,))
    return not {_identity(b) for b in members}.isdisjoint(_identity(b) for b in meant)
