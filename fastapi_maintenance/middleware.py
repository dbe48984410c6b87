"""The gate: refuses requests while a backend says so, and is next to nothing otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi_maintenance import _gates
from fastapi_maintenance._gates import configured_backend
from fastapi_maintenance.backends import ledger
from fastapi_maintenance.backends.anyof import as_backend
from fastapi_maintenance.backends.base import BaseStateBackend, state_of_switch, wall_clock
from fastapi_maintenance.backends.stages import Stage, current_connection
from fastapi_maintenance.responses import DEFAULT_RETRY_AFTER, Refuser, announced, refuse
from fastapi_maintenance.windows import OFF, Refusal, State

if TYPE_CHECKING:
    from fastapi_maintenance.backends.pinned import PinnedBackend

from ._access import Facts, enter_by_link, globs, parse_hashes, parse_networks
from ._connections import Lasting
from ._cors import find_cors, with_cors
from ._events import ASKS_FOR_EVENTS
from ._handlers import (
    ExemptHandler,
    Replay,
    ResponseHandler,
    adding,
    exempts,
    named,
    no_body,
    response_of,
    telling,
)
from ._lifespan import pass_lifespan
from ._live import Counting
from ._passage import Passage
from ._routes import Routes
from ._rules import Rules
from ._telemetry import Telemetry
from ._threads import count_all
from ._watch import Hook

HEALTH_PATHS = (
    "/healthz", "/livez", "/readyz", "/health", "/health/*", "/live", "/ready", "/ping", "/metrics",
)  # fmt: skip
"""What probes and scrapers usually ask for."""


class MaintenanceModeMiddleware(Counting, Passage):
    """Pure ASGI: answers 503 while maintenance is on.

    Args:
        app: the application that is wrapped.
        enable_maintenance: True or False overrule the backend; None asks it.
        backend: where the state comes from, or several of those, of which any may refuse; default
            what `configure_backend` set, else an `EnvVarBackend`.
        exempt_handler: called with a request while maintenance is on (with an `HTTPConnection`
            for a WebSocket); true lets it pass. Plain or async.
        response_handler: called with a refused request; returns the response. Plain or async.
        retry_after: seconds in ``Retry-After`` where no end is known.
        health_paths: globs that GET and HEAD always reach while a window refuses the rest: a
            failing probe would restart the Pods. Given here, they pass whatever refuses the rest.
        exempt_paths: globs (``*`` is any run of characters) that are always served.
        exempt_cidrs: networks whose clients are always served.
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
        bypass_token_hashes: SHA-256 sums of tokens whose bearers are always served; a token is
            sent as header ``X-Maintenance-Bypass``, as cookie ``maintenance_bypass``, or once as
            ``?maintenance-bypass=TOKEN``, which sets the cookie.
        read_only: a switch that is on refuses only writes; windows have their own mode.
        html_template: a `string.Template` with ``$message`` and ``$until``, for browsers.
        on_start: called when maintenance begins, plain or async; one or several.
        on_end: called when it ends.

    Raises:
        TypeError, ValueError: an argument makes no sense; names it, and says what to write.
    """

    def __init__(
        self,
        app: ASGIApp,
        enable_maintenance: bool | None = None,
        backend: Any = None,
        exempt_handler: ExemptHandler | None = None,
        response_handler: ResponseHandler | None = None,
        *,
        retry_after: int = DEFAULT_RETRY_AFTER,
        health_paths: Iterable[str] | None = None,
        exempt_paths: Iterable[str] = (),
        exempt_cidrs: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        bypass_token_hashes: Iterable[str] = (),
        read_only: bool = False,
        html_template: str | None = None,
        on_start: Hook | Iterable[Hook] = (),
        on_end: Hook | Iterable[Hook] = (),
    ) -> None:
        Passage.__init__(self, app, on_start, on_end)
        Counting.__init__(self)
        self.enable_maintenance = enable_maintenance
        self.exempt_handler = exempt_handler
        self.response_handler = response_handler
        self.given = None if backend is None else as_backend(backend)
        self.rules = Rules(
            Routes(app),
            HEALTH_PATHS if health_paths is None else globs("health_paths", health_paths),
            probes_always_pass=health_paths is not None,
            exempt_paths=globs("exempt_paths", exempt_paths),
            exempt_networks=parse_networks("exempt_cidrs", exempt_cidrs),
            trusted_proxies=parse_networks("trusted_proxies", trusted_proxies),
            bypass_token_hashes=parse_hashes("bypass_token_hashes", bypass_token_hashes),
            read_only=read_only,
        )
        self.pin(None)
        self._refuser = Refuser(retry_after, html_template)
        self._cors = find_cors(app)
        self.hurry()
        self._telemetry = Telemetry()
        if self.given is not None and self.given.reports:
            count_all()
        _gates.add(self)
        ledger.add(self.live)

    def pin(self, pinned: PinnedBackend | None) -> None:
        """Put what a test says in the place of everything else, or take it away."""
        self.pinned = pinned
        self.live.turns += 1
        self._asked = pinned or self.given
        fixed = None if pinned else self.enable_maintenance
        self._fixed = None if fixed is None else state_of_switch() if fixed else OFF

    @property
    def backend(self) -> BaseStateBackend:
        """The backend that it asks; looked up anew where none was given."""
        return self._asked or configured_backend()

    def decide(self) -> State:
        """What holds now: as an open block says, else ``enable_maintenance``, else the backend."""
        return self.backend.decide(self._fixed)

    def hurry(self) -> None:
        """Find out whether requests may pass with a glance while nothing is refused."""
        self._hurries = not (self._noticed or _gates.tracking or _gates.forcing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, or refuse it."""
        # Each request comes here: no step that most do not need.
        if self._unseen and self._hurries and scope["type"] == "http" and scope["method"] == "GET":
            backend = self._asked or configured_backend()
            calm = backend.ready and backend.decide(self._fixed).calm
            if calm and ASKS_FOR_EVENTS not in scope.get("headers", ()):
                self._unseen -= 1
                self._uncounted += 1
                try:
                    await self.app(scope, receive, send)
                finally:
                    self._uncounted -= 1
                return
        await self._look_at(scope, receive, send)

    async def _look_at(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, or refuse it, whatever it is."""
        if scope["type"] not in ("http", "websocket"):
            await self._pass_other(scope, receive, send)
            return
        backend = self._asked or configured_backend()
        if self._fixed is None and not backend.ready:
            await backend.wait_until_ready()
        if _gates.tracking:
            await self._keep_in_mind(backend, scope, receive, send)
            return
        state = backend.decide(self._fixed)
        self._uncounted += 1
        try:
            await self._attend(state, scope, receive, send)
        finally:
            self._uncounted -= 1

    async def _keep_in_mind(
        self, backend: BaseStateBackend, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Count a request, then check it: whoever begins maintenance and then counts, sees it."""
        life = self.live.enter(scope)
        if backend.reports and not backend.ready:  # nobody is told any more what runs
            life.leave()
            await backend.wait_until_ready()
            life = self.live.enter(scope)
        entered = current_connection.set((self, scope))
        try:
            await self._attend(backend.decide(self._fixed), scope, receive, send)
        finally:
            life.leave()
            with contextlib.suppress(ValueError):  # where it is closed from elsewhere
                current_connection.reset(entered)

    async def _attend(self, state: State, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in or refuse it."""
        if state.calm and not _gates.forcing and not self._noticed:
            await self._let_in(scope, receive, send)
            return
        if state.quiet is self._noticed:
            self.notice(state)
        request = self.facts(scope)
        refusal = self.rules.refusal(request, state)
        handler = self.exempt_handler
        if refusal is not None and handler is not None and not request.target.forced:
            body = Replay(receive)
            if await exempts(handler, scope, body.first):
                refusal = None
            receive = body.second
        if refusal is not None:
            await self._refuse(refusal, request, receive, send)
        elif request.token_of_link is not None and request.method in ("GET", "HEAD"):
            await enter_by_link(request, state)(scope, receive, send)
        else:
            if self.rules.is_strange(request, state):
                send = telling(send, partial(self.rules.warn_of_stranger, request))
            await self._let_in(scope, receive, self._announcing(request, state, send))

    def _announcing(self, request: Facts, state: State, send: Send) -> Send:
        """A `send` that says what is coming, if something is."""
        coming = self.rules.announcement(request, state)
        if coming is None or request.scope["type"] != "http":
            return send
        return adding(send, b"x-maintenance", announced(coming))

    async def would_refuse(self, connection: Lasting) -> bool:
        """Whether a connection that was let in would be refused now."""
        request, handler = self.facts(connection.scope), self.exempt_handler
        request.is_safe = True  # what refuses reads as well is a full maintenance
        if self.rules.refusal(request, self.decide()) is None:
            return False
        if handler is None or request.target.forced:
            return True
        if await exempts(handler, connection.scope, no_body):
            return False
        return self.rules.refusal(request, self.decide()) is not None  # that took its time

    def notice(self, state: State) -> None:
        """Say, once, that maintenance has begun or ended."""
        if self._noticed is not state.quiet:
            return
        self._noticed = not state.quiet
        self._rest_a_while()
        self.hurry()
        self._telemetry.noticed(state)
        if self._noticed:
            self._watch.stay()  # where no lifespan has begun it

    async def _pass_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A lifespan, and what is no matter of ours."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def start() -> None:
            if self.pinned is None and self._fixed is None:
                await self.backend.wait_until_ready()
            self._watch.stay()

        def stop() -> None:
            self._watch.leave()
            if self.pinned is None:
                self.backend.close()

        def tell(stage: Stage | None) -> None:
            self.backend.note_stage(self, stage)

        entered = current_connection.set((self, scope))
        try:
            await pass_lifespan(self.app, scope, receive, send, start=start, stop=stop, tell=tell)
        finally:
            current_connection.reset(entered)

    async def _refuse(self, refusal: Refusal, request: Facts, receive: Receive, send: Send) -> None:
        self.live.refused()
        self._telemetry.refused(refusal)
        self.rules.warn_of_probe(request)
        answer = await self._answer(refusal, request.scope, receive)
        await refuse(with_cors(self._cors, answer), request.scope, receive, send)

    async def _answer(self, refusal: Refusal, scope: Scope, receive: Receive) -> ASGIApp:
        if self.response_handler is not None and scope["type"] == "http":
            response = await response_of(self.response_handler, scope, receive)
            if response is not None:
                return named(response, refusal.opening.source)
        now = self.pinned.now() if self.pinned else wall_clock()
        return self._refuser.answer(refusal, now, scope.get("headers", ()))
