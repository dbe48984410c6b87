"""Maintenance in users' own tests, whatever backend the application has.

::

    from fastapi_maintenance.testing import maintenance

    def test_orders_are_refused():
        with maintenance.on(app):
            assert TestClient(app).get("/orders").status_code == 503

No thread, no network and no plug-in: a context manager puts a state in the place of the backend,
of ``enable_maintenance`` and of the clock, and takes it away again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from weakref import WeakKeyDictionary

from starlette.applications import Starlette
from starlette.routing import Host, Mount

from fastapi_maintenance._layers import leaves_of
from fastapi_maintenance.backends.base import APP_VARIABLE, state_of_switch, wall_clock
from fastapi_maintenance.backends.file_folder import load_windows
from fastapi_maintenance.backends.pinned import PinnedBackend
from fastapi_maintenance.middleware import MaintenanceModeMiddleware
from fastapi_maintenance.windows import (
    DEFAULT_MESSAGE,
    OFF,
    Fixed,
    Match,
    Mode,
    Occurrence,
    Response,
    Timeline,
    Window,
)

__all__ = ["maintenance"]


class Maintenance:
    """The ways to put an application into maintenance; made once, as `maintenance`."""

    def on(self, app: Any) -> Any:
        """A switch that is on: everything is refused, health checks too."""
        return _pinned(app, PinnedBackend(state_of_switch()))

    def off(self, app: Any) -> Any:
        """No maintenance, whatever the application's backend says."""
        return _pinned(app, PinnedBackend(OFF))

    def window(
        self,
        app: Any,
        *,
        mode: Literal["Full", "ReadOnly"] = "Full",
        paths: Iterable[str] = (),
        methods: Iterable[str] = (),
        dependencies: Iterable[str] = (),
        duration: timedelta | None = None,
        message: str = DEFAULT_MESSAGE,
        name: str = "test",
    ) -> Any:
        """A window that has just opened.

        Args:
            app: the application, or the middleware around it.
            mode: what it refuses.
            paths: globs that narrow it, as ``match.paths``.
            methods: as ``match.methods``.
            dependencies: as ``match.dependencies``.
            duration: until it ends; default without an end.
            message: what refused requests are told.
            name: stands in ``X-Maintenance`` as ``window=test/NAME``.
        """
        start = datetime.fromtimestamp(wall_clock(), UTC)
        window = Window(
            namespace="test",
            name=name,
            apps=("*",),
            timing=Fixed((Occurrence(start, start + duration if duration else None),)),
            mode=Mode(mode),
            match=Match(tuple(paths), tuple(methods), tuple(dependencies)),
            response=Response(message),
        )
        return _pinned(app, PinnedBackend(Timeline((window,), None)))

    def manifest(self, app: Any, file: str | os.PathLike[str], *, at: datetime | str) -> Any:
        """The windows of a manifest, at an instant; the clock stands still there.

        Args:
            app: the application; its name is that of its backend, else
                ``$FASTAPI_MAINTENANCE_APP``.
            file: whatever `LocalFileBackend` follows: a file with one manifest or several, a
                folder of them, or a plan.
            at: the instant, with its zone; a text is read as ISO 8601.

        Raises:
            InvalidWindow: the manifest is wrong; names the field, and says what to write.
            ValueError: `at` says no zone, or the file can't be read as text.
        """
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        if instant.tzinfo is None:
            raise ValueError(f"at={at!r} says no zone: write 2026-03-29T02:00:00+00:00")
        windows = load_windows(os.fspath(file)).windows
        name = next((n for gate in _gates_in(app) if (n := _name_of(gate))), None)
        return _pinned(app, PinnedBackend(Timeline(windows, name), instant.timestamp()))


maintenance = Maintenance()

_pins: WeakKeyDictionary[MaintenanceModeMiddleware, list[PinnedBackend]] = WeakKeyDictionary()


@contextmanager
def _pinned(app: Any, pin: PinnedBackend) -> Iterator[None]:
    gates = list(_gates_in(app))
    if not gates:
        raise LookupError(f"{app!r} has no MaintenanceModeMiddleware: add it before the test does")
    for gate in gates:
        _pins.setdefault(gate, []).append(pin)
        gate.pin(pin)
    try:
        yield
    finally:
        for gate in gates:
            pins = _pins[gate]
            pins.remove(pin)
            gate.pin(pins[-1] if pins else None)


def _gates_in(app: Any) -> Iterator[MaintenanceModeMiddleware]:
    """The gates of an application and of those that it mounts."""
    while app is not None:
        if isinstance(app, MaintenanceModeMiddleware):
            yield app
        for route in leaves_of(getattr(app, "routes", ())):
            original = getattr(route, "original_route", route)
            if isinstance(original, Mount | Host):
                yield from _gates_in(original.app)
        app = _wrapped_by(app)


def _wrapped_by(app: Any) -> Any:
    if not isinstance(app, Starlette):
        return getattr(app, "app", None) if not hasattr(app, "routes") else None
    if app.middleware_stack is None:
        app.middleware_stack = app.build_middleware_stack()
    return app.middleware_stack


def _name_of(gate: MaintenanceModeMiddleware) -> str | None:
    return getattr(gate.backend, "app", None) or os.environ.get(APP_VARIABLE)
