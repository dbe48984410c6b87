"""Lets a gate live from before start-up completes until shutdown does.

The messages are hooked, not the call: a server that is stopped by a signal never lets the call
return (uvicorn), and an application without a lifespan ends it with an error at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ENDS = frozenset(
    {"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"}
)


async def pass_lifespan(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], None],
) -> None:
    """Call `start` once start-up is asked for, and `stop` before the end is said."""

    async def receive_and_start() -> Message:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await start()
        return message

    async def stop_and_send(message: Message) -> None:
        if message["type"] in _ENDS:
            stop()
        await send(message)

    await app(scope, receive_and_start, stop_and_send)
