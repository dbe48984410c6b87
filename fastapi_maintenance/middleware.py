"""The gate: refuses requests while a backend says so, and is next to nothing otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_maintenance.backends.base import BaseStateBackend, wall_clock
from fastapi_maintenance.backends.env import EnvVarBackend
from fastapi_maintenance.responses import DEFAULT_RETRY_AFTER, make_response, refuse
from fastapi_maintenance.windows import OFF, Opening, Refusal, State, covers, switched

HEALTH_PATHS = (
    "/healthz", "/livez", "/readyz", "/health", "/health/*", "/live", "/ready", "/ping", "/metrics",
)  # fmt: skip
"""What probes and scrapers usually ask for."""

_LIFESPAN_ENDS = frozenset(
    {"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"}
)


class MaintenanceModeMiddleware:
    """Pure ASGI: answers 503 while maintenance is on.

    Args:
        app: the application that is wrapped.
        enable_maintenance: True or False decide whatever the backend says; None asks it.
        backend: where the state comes from; default an `EnvVarBackend`.
        retry_after: seconds in ``Retry-After`` where no end is known.
        health_paths: paths (``*`` is any run of characters) that GET and HEAD always reach while
            a window refuses the rest: a failing probe would restart the Pods.
    """

    def __init__(
        self,
        app: ASGIApp,
        enable_maintenance: bool | None = None,
        backend: BaseStateBackend | None = None,
        *,
        retry_after: int = DEFAULT_RETRY_AFTER,
        health_paths: Iterable[str] | None = None,
    ) -> None:
        self.app = app
        self.enable_maintenance = enable_maintenance
        self.backend = backend or EnvVarBackend()
        self.retry_after = retry_after
        self.health_paths = HEALTH_PATHS if health_paths is None else tuple(health_paths)
        self._fixed = None if enable_maintenance is None else _fixed_state(enable_maintenance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._pass_lifespan(scope, receive, send)
            return
        if self._fixed is None and not self.backend.ready:
            await self.backend.wait_until_ready()
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
            return
        response = make_response(refusal, wall_clock(), self.retry_after)
        await refuse(response, scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        state = self._fixed or self.backend.state()
        refusal = state.refusal(scope.get("method", "WEBSOCKET"))
        if refusal is not None and refusal.opening.probes_pass and self._is_probe(scope):
            return None
        return refusal

    def _is_probe(self, scope: Scope) -> bool:
        if scope.get("method") not in ("GET", "HEAD"):
            return False
        return covers(self.health_paths, _path_below_root(scope))

    async def _pass_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the backend live from before start-up completes until shutdown does."""

        async def receive_and_start() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.backend.wait_until_ready()
            return message

        async def send_after_close(message: Message) -> None:
            if message["type"] in _LIFESPAN_ENDS:
                self.backend.close()
            await send(message)

        await self.app(scope, receive_and_start, send_after_close)


def _fixed_state(on: bool) -> State:
    return switched(Opening()) if on else OFF


def _path_below_root(scope: Scope) -> str:
    """The decoded path as the application that has the middleware knows it."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    below = path.removeprefix(root)
    return below if below.startswith("/") else path
