"""A request, as far as a decision about it goes."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .match import Network

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1), as far as maintenance is concerned."""

WEBSOCKET = "WEBSOCKET"
"""What counts as the method of a WebSocket."""


class RequestFacts:
    """What a decision may ask about a request; what is dear is worked out when it is asked."""

    method: str
    """The HTTP method, or ``WEBSOCKET``."""

    is_safe: bool
    """Whether it changes nothing, as its method says, so that it may pass where reads may."""

    @property
    def path(self) -> str:
        """The decoded path, below the application's root path."""
        raise NotImplementedError

    @property
    def dependencies(self) -> Set[str]:
        """What the route says that it needs."""
        raise NotImplementedError

    def comes_from(self, networks: Sequence[Network]) -> bool:
        """Whether the client's address lies in one of the networks."""
        raise NotImplementedError

    def bears(self, hashes: Sequence[str]) -> bool:
        """Whether it carries a bypass token with one of these SHA-256 sums (hexadecimal)."""
        raise NotImplementedError
