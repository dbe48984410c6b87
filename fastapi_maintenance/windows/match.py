"""Whom a window concerns: what narrows it, and who still gets through."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from .globs import covers

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1), as far as maintenance is concerned."""

WEBSOCKET = "WEBSOCKET"
"""What counts as the method of a WebSocket."""

Network = IPv4Network | IPv6Network


class RequestFacts(Protocol):
    """What a decision may ask about a request; what is dear is worked out when it is asked."""

    @property
    def method(self) -> str:
        """The HTTP method, or ``WEBSOCKET``."""

    @property
    def path(self) -> str:
        """The decoded path, below the application's root path."""

    @property
    def dependencies(self) -> Set[str]:
        """What the route says that it needs."""

    def comes_from(self, networks: Sequence[Network]) -> bool:
        """Whether the client's address lies in one of the networks."""

    def bears(self, hashes: Sequence[str]) -> bool:
        """Whether it carries a bypass token with one of these SHA-256 sums (hexadecimal)."""


@dataclass(frozen=True, slots=True)
class Match:
    """What narrows a window to some requests; what is empty narrows nothing."""

    paths: tuple[str, ...] = ()
    """Globs."""
    methods: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()

    def covers(self, request: RequestFacts) -> bool:
        """Whether the request is of those that are meant."""
        return (
            (not self.paths or covers(self.paths, request.path))
            and (not self.methods or request.method in self.methods)
            and (not self.dependencies or not request.dependencies.isdisjoint(self.dependencies))
        )


@dataclass(frozen=True, slots=True)
class Allow:
    """Who still gets through; any one reason is enough."""

    paths: tuple[str, ...] = ()
    """Globs."""
    networks: tuple[Network, ...] = ()
    token_hashes: tuple[str, ...] = ()
    """SHA-256 sums of tokens, hexadecimal."""

    def lets_through(self, request: RequestFacts) -> bool:
        """Whether the request is of those that pass."""
        return (
            (bool(self.paths) and covers(self.paths, request.path))
            or (bool(self.networks) and request.comes_from(self.networks))
            or (bool(self.token_hashes) and request.bears(self.token_hashes))
        )


EVERYTHING = Match()
NOBODY = Allow()
