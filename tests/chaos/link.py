"""The way between clients and an API server, which can be cut, stalled, slowed, and can forget."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress

from tests.controlplane import ports

HOST = "127.0.0.1"
SLOWNESS = (0.05, 0.3)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection without a farewell (socket(7), SO_LINGER): the other side gets an error."""
    if not writer.is_closing():
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _Pair:
    """A connection, and its other half."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.lost = False

    def abort(self) -> None:
        for writer in self.writers:
            _reset(writer)


class Link:
    """Passes on what comes to `port` to another one, in a thread, from `start` to `close`.

    Modes: ``pass``; ``cut``: what is open is reset, and what is new, too; ``stall``: nothing
    passes, and all of it does afterwards; ``slow``; ``vanish``: of what was open nothing passes
    any more, ever, and nobody is told.
    """

    def __init__(self, target: int) -> None:
        self.port = ports.free_port()
        self._target = target
        self._mode = "pass"
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._changed = asyncio.Event()

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def set(self, mode: str) -> None:
        """Begin with a mode, and end the one before."""
        self._call(self._set(mode))

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _set(self, mode: str) -> None:
        self._mode = mode
        for pair in list(self._pairs):
            pair.lost = pair.lost or mode == "vanish"
            if mode == "cut":
                pair.abort()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _end(self) -> None:
        """Also for those that wait for ever."""
        self._server.close()
        await self._set("cut")
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            _reset(back)
            return
        try:
            far, forth = await asyncio.open_connection(HOST, self._target)
        except OSError:
            _reset(back)
            return
        pair = _Pair(back, forth)
        self._pairs.add(pair)
        try:
            with suppress(asyncio.CancelledError):  # at the end; a server would log it as an error
                await asyncio.gather(self._pass(near, forth, pair), self._pass(far, back, pair))
        finally:
            self._pairs.discard(pair)
            pair.abort()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, pair: _Pair
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._permitted(pair)
                sink.write(data)
                await sink.drain()
            await self._permitted(pair)
        pair.abort()

    async def _permitted(self, pair: _Pair) -> None:
        while pair.lost or self._mode in ("stall", "vanish"):
            await self._changed.wait()
        if self._mode == "slow":
            await asyncio.sleep(random.uniform(*SLOWNESS))
