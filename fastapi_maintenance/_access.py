"""What the gate knows of a request when it decides: worked out when it is asked, and once."""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from string import hexdigits
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from starlette._utils import get_route_path
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import Scope

from fastapi_maintenance.windows import SAFE_METHODS, WEBSOCKET, RequestFacts, State
from fastapi_maintenance.windows.addresses import lies_in, parse_address

from ._routes import Routes, Target

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from fastapi_maintenance.windows import Network

BYPASS_HEADER = "X-Maintenance-Bypass"
BYPASS_COOKIE = "maintenance_bypass"
BYPASS_PARAMETER = "maintenance-bypass"

_AS_IT_CAME = "%:/?#[]@!$&'()*+,;="
"""What an address that was sent to us keeps: it is quoted already, as far as it must be."""

_OF_NOTHING = hashlib.sha256().hexdigest()
_BYPASS_HEADER = BYPASS_HEADER.lower().encode()


class Facts(RequestFacts):
    """A request, as decisions see it (`windows.RequestFacts`)."""

    def __init__(self, scope: Scope, routes: Routes, trusted: Sequence[Network]) -> None:
        self.scope = scope
        self.method: str = scope["method"] if scope["type"] == "http" else WEBSOCKET
        self.is_safe = self.method in SAFE_METHODS
        self.token_of_link: str | None = None
        """The token of the address, once it has opened the gate."""
        self._routes = routes
        self._trusted = trusted
        self._target: Target | None = None

    @functools.cached_property
    def path(self) -> str:
        """The decoded path as the application that has the middleware knows it."""
        return get_route_path(self.scope) or "/"

    @property
    def target(self) -> Target:
        """What it would meet behind the gate."""
        if self._target is None:
            self._target = self._routes.target(self.scope)
        return self._target

    @property
    def dependencies(self) -> frozenset[str]:
        """What its route says that it needs."""
        return self.target.needs

    def comes_from(self, networks: Sequence[Network]) -> bool:
        """Whether the client's address lies in one of the networks."""
        return lies_in(self._address, networks)

    def bears(self, hashes: Sequence[str]) -> bool:
        """Whether it carries a token with one of these SHA-256 sums: compared in constant time."""
        link, tokens = self._tokens
        if link is not None and _is_known(link, hashes):
            self.token_of_link = link
            return True
        return any(_is_known(token, hashes) for token in tokens)

    @functools.cached_property
    def _address(self) -> IPv4Address | IPv6Address | None:
        """The connection's address, or what proxies say that are trusted to say it."""
        client = self.scope.get("client")
        address = parse_address(client[0]) if client else None
        if not self._trusted:
            return address
        hops = [hop for line in self.header(b"x-forwarded-for") for hop in line.split(",")]
        while hops and lies_in(address, self._trusted):
            address = parse_address(hops.pop())
        return address

    @functools.cached_property
    def _tokens(self) -> tuple[str | None, list[str]]:
        """The token of the address, and those of header and cookie."""
        query = self.scope.get("query_string", b"")
        link = None
        if BYPASS_PARAMETER.encode() in query:
            pairs = parse_qsl(query.decode("latin-1"), encoding="latin-1")  # bytes, as in headers
            link = dict(pairs).get(BYPASS_PARAMETER)
        cookies = (cookie_parser(line).get(BYPASS_COOKIE) for line in self.header(b"cookie"))
        return link, [*self.header(_BYPASS_HEADER), *(c for c in cookies if c)]

    def header(self, name: bytes) -> list[str]:
        """The values of a header, by its name in lower case."""
        return [
            value.decode("latin-1").strip()
            for key, value in self.scope.get("headers", ())
            if key.lower() == name
        ]


def enter_by_link(request: Facts, state: State) -> RedirectResponse:
    """Lead the bearer of a token in an address to the clean address, with a cookie in its place.

    The cookie lasts as long as maintenance does, where that is known, else the browser's session.
    The address is relative: proxies may have taken away what stands before it.
    """
    raw = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    here = b"./" + raw.partition(b"?")[0].rpartition(b"/")[2]
    if query := _without_token(request.scope.get("query_string", b"")):
        here += b"?" + query
    address = quote(here, safe=_AS_IT_CAME)
    response = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
    refusal = state.strongest
    response.set_cookie(
        BYPASS_COOKIE,
        request.token_of_link or "",
        expires=refusal.until if refusal else None,
        path=quote(request.scope.get("root_path", "").rstrip("/")) or "/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return response


def _without_token(query: bytes) -> bytes:
    """A query but for our parameter; the rest stays as it was written."""
    names = ((part, unquote_to_bytes(part.partition(b"=")[0])) for part in query.split(b"&"))
    return b"&".join(part for part, name in names if name != BYPASS_PARAMETER.encode())


def globs(argument: str, given: Iterable[str]) -> tuple[str, ...]:
    """Patterns of paths.

    Raises:
        ValueError: one begins with neither ``/`` nor ``*``, so that it would never match.
    """
    patterns = _several(argument, given)
    for pattern in patterns:
        if not pattern.startswith(("/", "*")):
            raise ValueError(f"{argument}: {pattern!r} matches no path; write '/{pattern}'")
    return patterns


def parse_networks(argument: str, given: Iterable[str]) -> tuple[Network, ...]:
    """Networks from their CIDR notation.

    Raises:
        ValueError: one is none; names the argument.
    """
    texts = _several(argument, given)
    if not texts:
        return ()
    from ipaddress import ip_network  # here, since few applications need it

    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"{argument}: {error}; write networks such as 10.0.0.0/8") from None


def parse_hashes(argument: str, given: Iterable[str]) -> tuple[str, ...]:
    """SHA-256 sums of tokens.

    Raises:
        ValueError: one is none; names the argument, and not the value, which may be a token.
    """
    hashes = tuple(text.strip().lower() for text in _several(argument, given))
    if not all(len(text) == 64 and set(text) <= set(hexdigits) for text in hashes):
        raise ValueError(
            f"{argument}: a SHA-256 sum has 64 hexadecimal digits; give the sum, not the token: "
            'printf %s "$TOKEN" | sha256sum'
        )
    if _OF_NOTHING in hashes:
        raise ValueError(f"{argument}: {_OF_NOTHING} is the sum of an empty token: make a real one")
    return hashes


def _several(argument: str, given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str | bytes):
        raise ValueError(f"{argument} takes several: write [{given!r}]")
    return tuple(given)


def _is_known(token: str, hashes: Sequence[str]) -> bool:
    digest = hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()
    # All are compared, so that the time says nothing of which it was.
    return sum(hmac.compare_digest(digest, known) for known in hashes) > 0
