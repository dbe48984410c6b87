"""Who is refused: the one order in which everything that has a say is asked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi_maintenance import _gates
from fastapi_maintenance.backends.base import state_of_switch
from fastapi_maintenance.windows import Announcement, Opening, Refusal, State, covers
from fastapi_maintenance.windows.state import latest

if TYPE_CHECKING:
    from fastapi_maintenance.windows import Network

from ._access import Facts
from ._routes import Routes

_MOST_WARNINGS = 64
_PROBE_AGENT = b"kube-probe/"
_OK, _REDIRECTION = 200, 300

_FORCED = state_of_switch().writes
_COMING = Opening(source="window=", probes_pass=True)

logger = logging.getLogger(__name__)


class Rules:
    """What the arguments of a middleware say, beside its backend.

    Args:
        routes: the routes behind the gate.
        health_paths: globs of health checks.
        probes_always_pass: else only where a window refuses the rest, or a backend that says so.
        exempt_paths: globs.
        exempt_networks: networks whose clients pass.
        trusted_proxies: networks whose word on clients counts.
        bypass_token_hashes: SHA-256 sums, hexadecimal.
        read_only: whether switches refuse writes only.
    """

    def __init__(
        self,
        routes: Routes,
        health_paths: tuple[str, ...],
        *,
        probes_always_pass: bool,
        exempt_paths: tuple[str, ...],
        exempt_networks: Sequence[Network],
        trusted_proxies: Sequence[Network],
        bypass_token_hashes: Sequence[str],
        read_only: bool,
    ) -> None:
        self.routes = routes
        self.trusted_proxies = trusted_proxies
        self._health_paths = health_paths
        self._probes_always_pass = probes_always_pass
        self._paths = exempt_paths
        self._networks = exempt_networks
        self._hashes = bypass_token_hashes
        self.read_only = read_only
        self._warned_of: set[str] = set()
        self._warned_of_stranger = False

    def refusal(self, request: Facts, state: State) -> Refusal | None:
        """What meets a request, a handler's word aside; None where it is served.

        The router's own answers come first, then decorators and docs, then the state, then what
        exempts from it.
        """
        if state.quiet and not _gates.forcing:  # as while a window is announced, for weeks perhaps
            return None
        target = request.target
        if not target.served:
            return None
        if target.forced is not None:
            return _FORCED if target.forced else None
        met = () if target.docs else state.refusals(request)
        # Each by itself: who passes one reason, as reads do a switch, may be refused by another.
        return latest(refusal for refusal in met if not self._exempts(request, refusal.opening))

    def announcement(self, request: Facts, state: State) -> Announcement | None:
        """What is coming to a request that is served; None where it will be served then, too.

        A handler's word aside: it is asked while maintenance is on.
        """
        coming = state.announcement(request) if state.announcers else None
        if coming is None or self._exempts(request, _COMING):
            return None
        target = request.target
        is_met = target.served and not target.docs and target.forced is None
        return coming if is_met else None

    def _exempts(self, request: Facts, opening: Opening) -> bool:
        return (
            (self.read_only and not opening.is_window and request.is_safe)
            or self._is_probe(request, self._probes_always_pass or opening.probes_pass)
            or (bool(self._paths) and covers(self._paths, request.path))
            or (bool(self._networks) and request.comes_from(self._networks))
            or (bool(self._hashes) and request.bears(self._hashes))
        )

    def _is_probe(self, request: Facts, probes_pass: bool) -> bool:
        reads = request.method in ("GET", "HEAD")
        return probes_pass and reads and covers(self._health_paths, request.path)

    def is_strange(self, request: Facts, state: State) -> bool:
        """Whether a request passes, while others are refused, since no route is known for it."""
        if state.quiet or request.target.served or request.method == "OPTIONS":
            return False
        return any(not self._exempts(request, met.opening) for met in state.refusals(request))

    def warn_of_stranger(self, request: Facts, status: int) -> None:
        """Say once that such a request was no "not found"."""
        if _OK <= status < _REDIRECTION and not self._warned_of_stranger:
            self._warned_of_stranger = True
            logger.error(
                "%s %r was served during maintenance, though no route is known for it: a "
                "middleware inside of MaintenanceModeMiddleware rewrites paths or answers itself; "
                "call add_middleware for it after the one for MaintenanceModeMiddleware",
                request.method,
                request.path,
            )

    def warn_of_probe(self, request: Facts) -> None:
        """Say once for a path that a kubelet's probe is refused: its Pods will be restarted."""
        agent = b""
        for name, value in request.scope.get("headers", ()):
            if name == b"user-agent":
                agent = value
                break
        route = request.target.template or request.path
        is_new = route not in self._warned_of and len(self._warned_of) < _MOST_WARNINGS
        if agent.startswith(_PROBE_AGENT) and is_new:
            self._warned_of.add(route)
            logger.warning(
                "a health probe of Kubernetes is refused at %r, which makes it restart Pods: add "
                "the path to health_paths=[…] of MaintenanceModeMiddleware",
                request.path,
            )
