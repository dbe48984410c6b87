"""A client's address as text: what it is, and in which networks it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from .match import Network


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without a port; None where it is none, as that of a Unix socket.

    An IPv4 address in IPv6 clothes (RFC 4291, 2.5.5.2) is an IPv4 address.
    """
    from ipaddress import ip_address  # here, since few applications need it

    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def lies_in(address: IPv4Address | IPv6Address | None, networks: Sequence[Network]) -> bool:
    """Whether one of the networks contains an address; what is none lies nowhere."""
    return address is not None and any(address in network for network in networks)
