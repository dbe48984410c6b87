"""Whether a window refuses a request at an instant, and which of its fields decides that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .addresses import lies_in, parse_address
from .globs import covers
from .match import Network
from .model import Window, applies_to
from .occurrences import occurrence_at
from .request import SAFE_METHODS, RequestFacts
from .state import Mode


@dataclass(frozen=True)
class Asked(RequestFacts):
    """A request that somebody wants to know about."""

    method: str = "GET"
    """Or ``WEBSOCKET``."""
    path: str = "/"
    """Below the application's root path."""
    dependencies: frozenset[str] = frozenset()
    """What its route needs."""
    address: str | None = None
    """The client's, as a server or a proxy writes it: a port may follow."""
    token_hash: str | None = None
    """The SHA-256 sum of its bypass token, hexadecimal."""

    @property
    def is_safe(self) -> bool:  # type: ignore[override]
        """Whether it changes nothing."""
        return self.method in SAFE_METHODS

    def comes_from(self, networks: Sequence[Network]) -> bool:
        """Whether the address lies in one of the networks."""
        return self.address is not None and lies_in(parse_address(self.address), networks)

    def bears(self, hashes: Sequence[str]) -> bool:
        """Whether the token's sum is one of these."""
        return self.token_hash is not None and self.token_hash.lower() in hashes


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is refused, and by which rule."""

    refused: bool
    field: str
    """What decides: ``spec.mode`` where it is refused, else what lets it pass."""
    why: str


def verdict(window: Window, app: str | None, at: datetime, request: RequestFacts) -> Verdict:
    """What one window does with a request at an instant.

    Other windows, and what the middleware exempts, are not asked here; and without `app`, neither
    is for whom the window is.
    """
    return next(_passing(window, app, at, request), None) or _refused(window)


def _refused(window: Window) -> Verdict:
    if window.mode is Mode.FULL:
        return Verdict(True, "spec.mode", "Full refuses every request")
    return Verdict(True, "spec.mode", "ReadOnly refuses what is not GET, HEAD or OPTIONS")


def _passing(
    window: Window, app: str | None, at: datetime, request: RequestFacts
) -> Iterator[Verdict]:
    """The reasons to let it pass, in the order in which they are looked at."""
    if window.suspend:
        yield Verdict(False, "spec.suspend", "the window is suspended")
    if app is not None and not applies_to(window, app):
        yield Verdict(False, "spec.apps", f"the window is not for {app}")
    if occurrence_at(window, at) is None:
        yield Verdict(False, "spec", "the window is not open then")
    if window.mode is Mode.READ_ONLY and request.is_safe:
        yield Verdict(False, "spec.mode", f"ReadOnly lets {request.method} pass")
    yield from _unmatched(window, request)
    yield from _allowed(window, request)


def _unmatched(window: Window, request: RequestFacts) -> Iterator[Verdict]:
    match = window.match
    if match.paths and not covers(match.paths, request.path):
        yield Verdict(False, "spec.match.paths", f"no path covers {request.path}")
    if match.methods and request.method not in match.methods:
        yield Verdict(False, "spec.match.methods", f"{request.method} is not among them")
    if match.dependencies and request.dependencies.isdisjoint(match.dependencies):
        yield Verdict(False, "spec.match.dependencies", "its route needs none of them")


def _allowed(window: Window, request: RequestFacts) -> Iterator[Verdict]:
    allow = window.allow
    for number, path in enumerate(allow.paths):
        if covers((path,), request.path):
            yield Verdict(False, f"spec.allow.paths[{number}]", f"{path} covers {request.path}")
    for number, network in enumerate(allow.networks):
        if request.comes_from((network,)):
            yield Verdict(False, f"spec.allow.cidrs[{number}]", f"the client is in {network}")
    for number, token_hash in enumerate(allow.token_hashes):
        if request.bears((token_hash,)):
            yield Verdict(False, f"spec.allow.tokens[{number}]", "it bears this token")
