"""Threads for what may block, and may never return.

The application's own threads must not be used up by a backend that hangs, nor may one hold up the
end of the interpreter: hence daemons, and few of them for each backend.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import anyio

_MOST = 16
"""Calls at a time for one backend."""
_LONGEST_NAP = 0.005
"""Seconds between two looks for a result; the event loop need not be asyncio's."""


class _Call:
    """A call in a thread, and what it has come to."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._function = function

    def __call__(self) -> None:
        try:
            self.value = self._function()
        except BaseException as error:
            self.error = error
        self.done = True


class Helpers:
    """Makes calls for event loops, each in a daemon thread, a few at a time for each backend."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: weakref.WeakKeyDictionary[Hashable, list[_Call]]
        self._running = weakref.WeakKeyDictionary()
        self._left: weakref.WeakKeyDictionary[Hashable, _Call] = weakref.WeakKeyDictionary()

    async def run(self, on_behalf_of: Hashable, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in a thread; who is cancelled meanwhile leaves it behind.

        Raises:
            TimeoutError: a call for the same one that was left behind still runs.
        """
        left = self._left.get(on_behalf_of)
        if left is not None and not left.done:
            raise TimeoutError("an earlier call still runs")
        call = _Call(lambda: function(*args))
        nap = 0.0
        while not self._has_begun(on_behalf_of, call):  # noqa: ASYNC110 - threads are of any loop
            await anyio.sleep(_LONGEST_NAP)
        try:
            while not call.done:
                await anyio.sleep(nap)
                nap = min(nap + 0.0002, _LONGEST_NAP)
        finally:
            if not call.done:
                self._left[on_behalf_of] = call
        if call.error is not None:
            raise call.error
        return call.value

    def _has_begun(self, on_behalf_of: Hashable, call: _Call) -> bool:
        with self._lock:
            running = [each for each in self._running.get(on_behalf_of, ()) if not each.done]
            self._running[on_behalf_of] = running
            if len(running) >= _MOST:
                return False
            running.append(call)
        threading.Thread(target=call, name="maintenance-backend", daemon=True).start()
        return True
