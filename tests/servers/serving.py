"""Servers as processes of their own: each kind started, asked, told of maintenance, and ended."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.controlplane import ports
from tests.controlplane.daemon import Daemon
from tests.waiting import wait_for

HOST = "127.0.0.1"
SHORT_LIVED = httpx.Limits(keepalive_expiry=2)
"""No connection is asked on again that the server, after five seconds, may be about to close."""
ROOT = Path(__file__).parents[2]
PATIENCE = 15.0
"""Seconds for what is promised within one: a slow machine makes a test slower, not red."""

_FAULT = re.compile(r"Traceback|Exception in |was never (retrieved|awaited)|was destroyed|panicked")

Command = Callable[[str, int], list[str]]


def uvicorn(app: str, port: int) -> list[str]:
    """With its defaults."""
    return ["uvicorn", app, "--host", HOST, "--port", str(port), "--no-access-log"]


def hypercorn(app: str, port: int) -> list[str]:
    """On asyncio."""
    return ["hypercorn", app, "--bind", f"{HOST}:{port}", "--error-logfile", "-"]


def hypercorn_trio(app: str, port: int) -> list[str]:
    """On trio."""
    return [*hypercorn(app, port), "--worker-class", "trio"]


def granian(app: str, port: int) -> list[str]:
    """On asyncio."""
    return ["granian", app, "--interface", "asgi", "--host", HOST, "--port", str(port)]


KINDS: dict[str, Command] = {
    "uvicorn": uvicorn,
    "hypercorn": hypercorn,
    "hypercorn-trio": hypercorn_trio,
    "granian": granian,
}


class Server(Daemon):
    """An application of orders.py under a server of some kind, with a file that governs it."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        app: str = "app",
        *arguments: str,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.kind = kind
        folder.mkdir(exist_ok=True)
        self.file, self._journal = folder / "maintenance", folder / "journal"
        self._journal.touch()
        self.port = ports.free_port()
        self.client = httpx.Client(
            base_url=self.url(), trust_env=False, timeout=PATIENCE, limits=SHORT_LIVED
        )
        self._seen = 0
        self.expects_faults = False
        command = KINDS[kind](f"tests.servers.orders:{app}", self.port)
        super().__init__(
            [sys.executable, "-m", *command, *arguments],
            log=folder / f"{kind}-{app}.log",
            ready=lambda: self.client.get("/orders").status_code,
            cwd=ROOT,
            env=os.environ
            # One seed, since the order of methods in Allow is that of a set.
            | {
                "PYTHONHASHSEED": "1",
                "JOURNAL": str(self._journal),
                "MAINTENANCE_FILE": str(self.file),
            }
            | (environment or {}),
        )

    def url(self, path: str = "", scheme: str = "http") -> str:
        """Where a path is."""
        return f"{scheme}://{HOST}:{self.port}{path}"

    def say(self, words: str) -> None:
        """Write the file, whole."""
        draft = self.file.with_suffix(".new")
        draft.write_text(words)
        draft.replace(self.file)

    def turn(self, words: str, path: str = "/orders", *, on: bool) -> None:
        """Write the file, and wait until it counts, for reads."""
        self.say(words)
        self.wait_for_code(503 if on else 200, path)

    def turn_on(self) -> None:
        """Begin maintenance, and wait for it."""
        self.turn("on", on=True)

    def wait_for_code(self, code: int, path: str = "/orders", method: str = "GET") -> None:
        """Wait until this is what a request is answered with."""
        with self.asking() as client:
            self.process.wait_for(
                lambda: client.request(method, path).status_code == code,
                PATIENCE,
                f"{method} {path}: {code}",
            )

    @contextmanager
    def asking(self) -> Iterator[httpx.Client]:
        """A client of one connection, as long as the server keeps it."""
        limits = httpx.Limits(max_connections=1)
        with httpx.Client(
            base_url=self.url(), trust_env=False, timeout=PATIENCE, limits=limits
        ) as client:
            yield client

    def talk(self, path: str, name: str, **options: Any) -> ClientConnection:
        """A WebSocket, open."""
        url = self.url(f"{path}?name={name}", "ws")
        talk: ClientConnection = connect(
            url, proxy=None, open_timeout=PATIENCE, close_timeout=PATIENCE, **options
        )
        return talk

    def wake(self, name: str) -> None:
        """Let what waits under a name go on."""
        assert self.client.get("/wake", params={"name": name}).status_code == 200

    def journal(self, name: str) -> list[str]:
        """The words that were noted under a name."""
        lines = (line.split() for line in self._journal.read_text().splitlines())
        return [word for who, word in lines if who == name]

    def wait_for_note(self, name: str, word: str) -> None:
        """Wait until a word was noted."""
        wait_for(lambda: word in self.journal(name), PATIENCE, f"{name} {word}, in the journal")

    def new_output(self) -> str:
        """What was logged since this was called last."""
        whole = self.output()
        new, self._seen = whole[self._seen :], len(whole)
        return new

    def wait_for_faults(self, error: str, count: int = 1) -> None:
        """Wait until so many were logged since then: a server may answer before it logs."""
        self.process.wait_for(
            lambda: self.output()[self._seen :].count(error) >= count, PATIENCE, f"{count} {error}"
        )

    def stop(self, timeout: float = PATIENCE) -> int:
        """End it, and the client with it."""
        self.client.close()
        return super().stop(timeout)


def faults(log: str) -> list[str]:
    """Lines that tell of something that nobody caught."""
    return [line for line in log.splitlines() if _FAULT.search(line)]


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> float:
        return round(time.monotonic() - self._began, 3)
