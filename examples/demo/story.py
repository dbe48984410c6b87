"""Telling a story in the terminal while it happens."""

from __future__ import annotations

import runpy
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

EXAMPLES = Path(__file__).parents[1]
_PATIENCE = 60.0
_KEPT = httpx.Limits(keepalive_expiry=2)
"""So that no question goes to a connection that the server, after five seconds, closes just now."""
_BOLD, _DIM, _PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def say(text: str) -> None:
    """A sentence for the reader."""
    print(f"\n{_BOLD}{text}{_PLAIN}", flush=True)


def show(text: str) -> None:
    """What a command or a server answered."""
    print("".join(f"  {_DIM}{line}{_PLAIN}\n" for line in text.splitlines()), end="", flush=True)


class Visitor:
    """Somebody who asks for the orders."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE, limits=_KEPT)

    def ask_until(self, code: int) -> None:
        """Ask until the answer has a status code, and show that answer.

        Raises:
            SystemExit: it does not come.
        """
        deadline = time.monotonic() + _PATIENCE
        response = self._client.get("/orders")
        while response.status_code != code and time.monotonic() < deadline:
            time.sleep(0.05)
            response = self._client.get("/orders")
        self._show(response)
        if response.status_code != code:
            sys.exit(f"expected {code}")

    def _show(self, response: httpx.Response) -> None:
        told = [n for n in ("Retry-After", "X-Maintenance") if n in response.headers]
        said = [f"{response.status_code} {response.reason_phrase}"]
        said += [f"{name}: {response.headers[name]}" for name in told]
        show(f"GET /orders  →  {'   '.join(said)}   {response.text}")


@contextmanager
def serve(example: str) -> Iterator[Visitor]:
    """Serve an example's app on a free port, in a thread: it ends with this process."""
    app: Any = runpy.run_path(str(EXAMPLES / example / "app.py"))["app"]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield Visitor(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(10)


def play(story: Callable[[], None]) -> None:
    """Run a story; Ctrl-C ends it cleanly."""
    try:
        story()
    except KeyboardInterrupt:
        say("Stopped; nothing is left running.")
        sys.exit(130)
