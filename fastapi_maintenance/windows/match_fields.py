"""The parts of a manifest that say whom a window concerns, and who still gets through."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Network, ip_interface

from .fields import Fields, Reading, T, check_choice, check_name, each, shown
from .match import EVERYTHING, NOBODY, Allow, Match, Network
from .model import InvalidWindow
from .request import SAFE_METHODS, WEBSOCKET
from .state import Mode

METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", WEBSOCKET,
)  # fmt: skip
MOST = 64
"""Items of each list."""
_MATCH = ("paths", "methods", "dependencies")
_ALLOW = ("paths", "cidrs", "tokens")
_PATH = re.compile(r"[/*][^\x00-\x1f\x7f\ud800-\udfff]{0,252}")
_CIDR = re.compile(r"[0-9A-Fa-f.:]{2,45}/(0|[1-9][0-9]{0,2})")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_MAPPED = IPv6Network("::ffff:0:0/96")
_SUM_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def parse_match(fields: Fields) -> Match:
    """What narrows a window; everything is meant where nothing is said."""
    if "match" not in fields:
        return EVERYTHING
    match, read = fields.inner("match", _MATCH), Reading()
    found = Match(
        paths=read(_list, match, "paths", _path),
        methods=read(_list, match, "methods", _method),
        dependencies=read(_list, match, "dependencies", check_name),
    )
    read.end()
    return found


def parse_allow(fields: Fields, *, named: bool = True) -> Allow:
    """Who still gets through; nobody where nothing is said.

    Args:
        fields: what has a field ``allow``.
        named: whether tokens have names, as in a manifest; in a plan they have none.
    """
    if "allow" not in fields:
        return NOBODY
    allow, read = fields.inner("allow", _ALLOW), Reading()
    found = Allow(
        paths=read(_list, allow, "paths", _path),
        networks=read(_list, allow, "cidrs", _network),
        token_hashes=read(_token_hashes, allow, named) if "tokens" in allow else (),
    )
    read.end()
    return found


def check_that_something_is_refused(fields: Fields, mode: Mode, match: Match) -> None:
    """Raise InvalidWindow for a window that is for those requests alone that its mode lets pass."""
    if mode is Mode.READ_ONLY and match.methods and SAFE_METHODS.issuperset(match.methods):
        raise fields.invalid(
            "match.methods",
            f"mode ReadOnly lets all of {', '.join(match.methods)} pass, so nothing is refused",
            "say mode: Full, or leave match.methods out",
        )


def _list(fields: Fields, name: str, parse: Callable[[str, object], T]) -> tuple[T, ...]:
    return each(parse, fields.items(name, MOST)) if name in fields else ()


def _method(path: str, value: object) -> str:
    return check_choice(path, value, METHODS)


def _path(path: str, value: object) -> str:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        mend = "begin it with / or *, as in /api/*; at most 253 characters, none for control"
        raise InvalidWindow(path, f"{shown(value)} is not a path", mend)
    return value


def _network(path: str, value: object) -> Network:
    mend = "write a network such as 10.0.0.0/8, 192.0.2.7/32 or 2001:db8::/32"
    if not isinstance(value, str) or not _CIDR.fullmatch(value):
        raise InvalidWindow(path, f"{shown(value)} is not a network", mend)
    try:
        interface = ip_interface(value)
    except ValueError as cause:
        raise InvalidWindow(path, f"{value!r} is not a network", mend) from cause
    network = interface.network
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise InvalidWindow(path, f"{value!r} is IPv4 written as IPv6", "write it as 10.0.0.0/8")
    if network.network_address != interface.ip:
        raise InvalidWindow(path, f"{value!r} has host bits", f"write {network}")
    return network


def _token_hashes(allow: Fields, named: bool) -> tuple[str, ...]:
    known = ("name", "sha256") if named else ("sha256",)
    return allow.objects("tokens", MOST, known, _named_hash if named else _token_hash)


def _named_hash(token: Fields) -> str:
    read = Reading()
    read(token.name, "name")
    found = read(_token_hash, token)
    read.end()
    return found


def _token_hash(token: Fields) -> str:
    """The sum; the errors leave its value out, which may be the token itself."""
    value = token.raw("sha256")
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        mend = "write the token's SHA-256 sum, 64 hexadecimal digits"
        token.needed("sha256", mend)
        raise token.invalid("sha256", "is not a SHA-256 sum", mend)
    if value.lower() == _SUM_OF_NOTHING:
        raise token.invalid("sha256", "is the sum of an empty token", "make a real token")
    return value.lower()
