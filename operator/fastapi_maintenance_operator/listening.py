"""An HTTP server of a few routes."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def listen(
    routes: Sequence[web.RouteDef], host: str | None, port: int
) -> AsyncIterator[None]:
    """Serve as long as the block lasts; without a host at every address."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.SockSite(runner, _socket(host or "", port)).start()
        yield
    finally:
        await runner.cleanup()


def _socket(host: str, port: int) -> socket.socket:
    """Every address is IPv4's and IPv6's: the Pods of some clusters have one of IPv6 alone."""
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, dualstack_ipv6=both)
