"""Whom a window concerns: what narrows it, and who still gets through."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from .globs import covers
from .request import RequestFacts

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
