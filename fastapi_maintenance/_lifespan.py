"""Lets a gate live from before start-up completes until shutdown does.

The messages are hooked, not the call: a server that is stopped by a signal never lets the call
return (uvicorn), and an application without a lifespan ends it with an error at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_maintenance.backends.stages import Stage

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
    tell: Callable[[Stage | None], None],
) -> None:
    """Call `start` once start-up is asked for, and `stop` before the end is said.

    `tell` is called at each stage, with None where the application takes no lifespan after all.
    """
    understood = False

    async def receive_and_start() -> Message:
        message = await receive()
        if message["type"] == "lifespan.startup":
            tell(Stage.STARTING)
            await start()
        elif message["type"] == "lifespan.shutdown":
            tell(Stage.ENDING)
        return message

    async def stop_and_send(message: Message) -> None:
        nonlocal understood
        if message["type"] == "lifespan.startup.complete":
            understood = True
            tell(Stage.SERVING)
        elif message["type"] in _ENDS:
            understood = True
            tell(Stage.ENDED)
            stop()
        await send(message)

    try:
        await app(scope, receive_and_start, stop_and_send)
    finally:
        if not understood:  # the server goes on without
            tell(None)
