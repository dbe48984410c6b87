"""Threads for what may block, and may never return.

The application's own threads must not be used up by a backend that hangs, nor may one hold up the
end of the interpreter: hence daemons, and few of them for each backend.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import anyio

from .forks import ForkLock

_MOST = 16
"""Calls at a time."""
_LONGEST_NAP = 0.005
"""Seconds between two looks for a result; the event loop need not be asyncio's."""


class _Call:
    """A call in a thread, and what it has come to."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.began = time.monotonic()
        self._function = function
        self._late: Callable[[Any], object] | None = None
        self._lock = ForkLock()

    def __call__(self) -> None:
        try:
            self.value = self._function()
        except BaseException as error:
            self.error = error
        with self._lock:
            self.done = True
            late = self._late
        if late is not None and self.error is None:
            late(self.value)

    def leave(self, late: Callable[[Any], object]) -> None:
        """Nobody waits any more: what it comes to is for `late`, which a thread calls."""
        with self._lock:
            self._late = late
            is_done = self.done
        if is_done and self.error is None:
            threading.Thread(target=late, args=(self.value,), daemon=True).start()


class Helpers:
    """Makes calls for event loops, each in a daemon thread, a few at a time for each owner."""

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._running: weakref.WeakKeyDictionary[Hashable, list[_Call]]
        self._running = weakref.WeakKeyDictionary()

    async def run(
        self,
        owner: Hashable,
        function: Callable[..., Any],
        *args: Any,
        patience: float = math.inf,
        most: int = _MOST,
        late: Callable[[Any], object] | None = None,
    ) -> Any:
        """Call a function in a thread; who is cancelled meanwhile leaves it behind.

        Args:
            owner: whose calls are counted.
            function: what is called, with `args`.
            args: what it is given.
            patience: seconds after which a call that still runs bars others of its owner.
            most: how many calls its owner may have at a time; the next ones wait.
            late: called with the result, in a thread, where nobody waits for it any more.

        Raises:
            TimeoutError: a call for the same owner runs for longer than `patience`.
        """
        call = _Call(lambda: function(*args))
        while not self._has_begun(owner, call, patience, most):  # noqa: ASYNC110 - of any loop
            await anyio.sleep(_LONGEST_NAP)
        nap = 0.0
        try:
            while not call.done:
                await anyio.sleep(nap)
                nap = min(nap + 0.0002, _LONGEST_NAP)
        except BaseException:
            if late is not None:
                call.leave(late)
            raise
        if call.error is not None:
            raise call.error
        return call.value

    def _has_begun(self, owner: Hashable, call: _Call, patience: float, most: int) -> bool:
        now = time.monotonic()
        with self._lock:
            running = [each for each in self._running.get(owner, ()) if not each.done]
            self._running[owner] = running
            if any(now - each.began > patience for each in running):
                raise TimeoutError("an earlier call still runs")
            if len(running) >= most:
                return False
            call.began = now
            running.append(call)
        threading.Thread(target=call, name="maintenance-backend", daemon=True).start()
        return True
