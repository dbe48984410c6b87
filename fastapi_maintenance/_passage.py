"""What lets requests in, and watches over those that may last."""

from __future__ import annotations

import math
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from ._connections import Lasting, Socket, http_ends
from ._events import SAMPLE_EVERY, TO_OBSERVE, seldom_streams_events, streams_events
from ._watch import Hook, Watch, Watched


class Passage(Watched):
    """A gate, as far as requests pass it.

    Args:
        app: the application behind it.
        on_start: called when maintenance begins.
        on_end: called when it ends.
    """

    def __init__(
        self, app: ASGIApp, on_start: Hook | Iterable[Hook], on_end: Hook | Iterable[Hook]
    ) -> None:
        self.app = app
        self._lasting: dict[int, Lasting] = {}
        self._noticed = False
        self._to_observe: float = math.inf if streams_events(app) else TO_OBSERVE
        self._unseen = 0
        """How many responses need no look while nothing is refused."""
        self._watch = Watch(self, _several(on_start), _several(on_end))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; what may last is watched over."""
        key = id(scope)
        try:
            await self.app(scope, *self._ends(scope, receive, send))
        except Exception as error:
            if key not in self._lasting or not self._lasting[key].excuses(error):
                raise
        finally:
            if key in self._lasting:
                self._watch.remove(self._lasting.pop(key))

    def _ends(self, scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """What the application gets in the place of `receive` and `send`."""
        if scope["type"] == "websocket":
            socket = Socket(scope, receive, send, self._watch_over)
            return socket.receive, socket.send
        self._to_observe -= 1
        if seldom_streams_events(scope):
            if self._unseen:
                self._unseen -= 1
                return receive, send
            self._rest_a_while()
        return http_ends(scope, receive, send, self._watch_over)

    def _rest_a_while(self) -> None:
        """Look no closer at the next requests, where that has shown nothing so far."""
        rests = self._to_observe <= 0 and not self._noticed
        self._unseen = SAMPLE_EVERY - 1 if rests else 0

    def _watch_over(self, connection: Lasting) -> None:
        if connection.scope["type"] == "http":  # it streams events: from now on look at all
            self._to_observe, self._unseen = math.inf, 0
        self._lasting[connection.key] = connection
        self._watch.add(connection)


def _several(hooks: Hook | Iterable[Hook]) -> tuple[Hook, ...]:
    return (hooks,) if callable(hooks) else tuple(hooks)
