"""A server that looks like an API server to one watch, and tells it of as many events as wanted.

Started by `benchmarks.weight` with a folder, into which it writes its authority as in a Pod. A real
API server would need a quarter of an hour to write a hundred thousand times. It prints its port,
and then the number of events sent, after each number that it reads.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trustme

from fastapi_maintenance.windows import API_VERSION, KIND

NAMES = 100
"""Windows that there are at a time."""
TURNS = 7
"""Events of each, from its creation to its deletion."""
PAUSE = 0.0002
"""Seconds between events: they come one by one, as from people and an operator."""
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def events() -> Iterator[bytes]:
    """What becomes of windows: they come, are edited, get their status, and go."""
    for version in itertools.count(2):
        turn, name = version // NAMES % TURNS, f"w{version % NAMES}"
        kind = {0: "ADDED", TURNS - 1: "DELETED"}.get(turn, "MODIFIED")
        yield json.dumps({"type": kind, "object": _window(name, version, turn)}).encode() + b"\n"


def _window(name: str, version: int, turn: int) -> dict[str, Any]:
    generation = 1 + turn // 2
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"{name}-{version // NAMES // TURNS}",
        "generation": generation,
        "resourceVersion": str(version),
    }
    spec = {
        "apps": ["orders" if version % 2 else "payments"],
        "schedule": f"{generation} {version // NAMES % 24} * * 0",
        "duration": "2h",
        "timeZone": "Europe/Berlin",
        "response": {"message": f"Back soon: {version}"},
    }
    status = {"conditions": [{"type": "Ready", "status": "True", "message": str(version)}]}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


class Teller:
    """Answers lists and watches; the last watch is told of events."""

    def __init__(self) -> None:
        self._watch: asyncio.StreamWriter | None = None
        self._watched = asyncio.Event()
        self._events = events()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"watch=true" in head.split(b"\r\n")[0]:
                    writer.write(CHUNKED)
                    self._watch = writer
                    self._watched.set()
                else:
                    writer.write(_answer({"items": [], "metadata": {"resourceVersion": "1"}}))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async def tell(self, count: int) -> None:
        """Events one by one, each in a record of its own."""
        await self._watched.wait()
        assert self._watch is not None
        for line in itertools.islice(self._events, count):
            self._watch.write(b"%x\r\n%s\r\n" % (len(line), line))
            await self._watch.drain()
            await asyncio.sleep(PAUSE)


def _answer(content: dict[str, Any]) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def main(mount: Path) -> None:
    """Serve until the other side is gone."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(mount / "ca.crt"))
    teller = Teller()
    server = await asyncio.start_server(teller.serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await teller.tell(int(line))
        print(line.strip(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
