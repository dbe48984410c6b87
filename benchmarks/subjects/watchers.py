"""A process that watches a namespace many times over, and says when each watch has seen a write.

Of the kinds of watch,

- raw: a TLS socket and JSON, no more: the least that a watch can be,
- backend: all that `K8sBackend` does from the socket to the state that requests read. One is a
  whole `K8sBackend` in its thread; of many, all are run by the loop of one thread, since hundreds
  of threads in one process would wait for each other, which those of as many Pods do not.

Started by `benchmarks.flip`, with the environment that a Pod has. It prints a line of JSON when
all watches have seen the first write, and so on.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from asyncio import sslproto
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi_maintenance import K8sBackend
from fastapi_maintenance.backends.kubernetes import identity as identity_module
from fastapi_maintenance.backends.kubernetes.identity import PodIdentity
from fastapi_maintenance.backends.kubernetes.views import Known, View
from fastapi_maintenance.backends.kubernetes.watcher import Target, Watcher
from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

OWN = "maintenancewindow"
AT_ONCE = 20
"""Watches that are opened at the same time."""


class Arrivals:
    """When bytes last came from a socket, before they are decrypted."""

    def __init__(self) -> None:
        self.last = 0.0
        take = sslproto.SSLProtocol.buffer_updated

        def taken(protocol: Any, count: int) -> None:
            self.last = time.perf_counter()
            take(protocol, count)

        setattr(sslproto.SSLProtocol, "buffer_updated", taken)  # noqa: B010


class Sightings:
    """Who has seen which write; the writes are numbered from 1."""

    def __init__(self, watches: int) -> None:
        self._watches = watches
        self._arrivals = Arrivals()
        self._times: dict[int, list[float]] = defaultdict(list)

    def note(self, number: int) -> None:
        """One watch has seen a write just now."""
        now = time.perf_counter()
        times = self._times[number]
        times.append(now)
        if len(times) == self._watches:
            del self._times[number]
            handled = now - self._arrivals.last
            say(write=number, times=times, handled=handled, cpu=time.process_time())


class NotedView(View):
    """What a backend makes of events; each change of what requests meet is noted."""

    def __init__(self, sightings: Sightings) -> None:
        super().__init__("orders")
        self._sightings = sightings
        self._changes = 0
        self._refuses = False

    def take(self, known: Known) -> None:
        """Also work out what holds now, as the first request would."""
        super().take(known)
        assert self.timeline is not None
        refuses = self.timeline.at(time.time()).reads is not None
        if refuses is not self._refuses:
            self._refuses = refuses
            self._changes += 1
            self._sightings.note(self._changes)


def say(**values: object) -> None:
    """To who has started this process."""
    print(json.dumps(values), flush=True)


async def watch_raw(count: int, mount: Path, sightings: Sightings, source: str) -> None:
    """So many bare watches."""
    assert source == OWN, "a bare watch is of windows"
    trust = ssl.create_default_context(cafile=str(mount / "ca.crt"))
    await _open_by_and_by(count, lambda: _open_raw(mount, trust, sightings))


async def _open_raw(mount: Path, trust: ssl.SSLContext, sightings: Sightings) -> None:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    namespace, token = (mount / "namespace").read_text(), (mount / "token").read_text()
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}?watch=true"
    reader, writer = await asyncio.open_connection(host, int(port), ssl=trust, limit=2**22)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        "Accept-Encoding: identity\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    _keep(_read_raw(reader, writer, sightings))


async def _read_raw(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sightings: Sightings
) -> None:
    number = 0
    async for line in reader:
        if line.startswith(b"{") and json.loads(line)["type"] in ("ADDED", "DELETED"):
            number += 1
            sightings.note(number)
    writer.close()


async def watch_as_backends(count: int, mount: Path, sightings: Sightings, source: str) -> None:
    """So many backends; a single one as applications have it."""
    identity_module.MOUNT = mount
    if count > 1 or source != OWN:
        await _open_by_and_by(count, lambda: _open_backend(mount, sightings, source))
        return
    backend = K8sBackend("orders", report=False, sync_timeout=60)
    backend._view = NotedView(sightings)
    backend.start()
    await backend.wait_until_ready()


async def _open_backend(mount: Path, sightings: Sightings, source: str) -> None:
    target = Target(PodIdentity(mount), source, None)
    watcher = Watcher(target, target.make_stores())
    watcher.add(NotedView(sightings))
    _keep(watcher._follow())
    while not watcher.synced:
        await asyncio.sleep(0.01)


async def _open_by_and_by(count: int, open_one: Callable[[], Awaitable[None]]) -> None:
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(open_one() for _ in range(min(AT_ONCE, count - first))))


_tasks: set[asyncio.Task[None]] = set()


def _keep(work: Any) -> None:
    """Run it beside the rest, for as long as the process lives; its failure is the process's."""
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_give_up)


def _give_up(task: asyncio.Task[None]) -> None:
    print(f"a watch has ended: {task!r}", file=sys.stderr, flush=True)
    os._exit(1)


async def main(kind: str, count: int, mount: Path, source: str) -> None:
    """Watch until killed, or until nobody listens any more."""
    sightings = Sightings(count)
    await {"raw": watch_raw, "backend": watch_as_backends}[kind](count, mount, sightings, source)
    say(ready=count)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
