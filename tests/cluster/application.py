"""A running application, and a client that checks each answer against a window's own times."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from tests.controlplane import ports
from tests.controlplane.daemon import Daemon
from tests.servers.serving import HOST, SHORT_LIVED, uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.controlplane.identity import Identity
    from tests.servers.serving import Command


@dataclass(frozen=True)
class Answer:
    """A status code, and the instants (POSIX seconds) between which it was decided."""

    code: int
    asked: float
    answered: float

    def contradicts(self, start: float, end: float) -> bool:
        """Whether a window from start to end would have had to be answered otherwise."""
        if self.code == 503:
            return self.answered < start or self.asked >= end
        return self.asked >= start and self.answered < end


class Application(Daemon):
    """An application of this folder under a server (uvicorn by default), as a service account."""

    def __init__(
        self,
        identity: Identity,
        log: Path,
        source: str = "maintenancewindow",
        *,
        app: str = "orders:app",
        serve: Command = uvicorn,
        **environment: str,
    ) -> None:
        port = ports.free_port()
        self.client = httpx.Client(
            base_url=f"http://{HOST}:{port}", trust_env=False, timeout=60, limits=SHORT_LIVED
        )
        own = {"FASTAPI_MAINTENANCE_KUBECONFIG": str(identity.kubeconfig), "SOURCE": source}
        super().__init__(
            [sys.executable, "-m", *serve(f"tests.cluster.{app}", port)],
            log=log,
            ready=lambda: self.client.get("/healthz").status_code == 200,
            env=os.environ | own | environment,
        )

    def stop(self, timeout: float = 60) -> int:
        """End it, and the client with it."""
        self.client.close()
        return super().stop(timeout)

    def get(self) -> httpx.Response:
        """Ask for the orders."""
        return self.client.get("/orders")

    def ask(self) -> Answer:
        """Ask for the orders, and note when."""
        asked = time.time()
        code = self.get().status_code
        return Answer(code, asked, time.time())

    def ask_until(self, enough: Callable[[Answer], bool]) -> Iterator[Answer]:
        """Ask again and again, up to and including the answer that is enough."""
        while True:
            answer = self.ask()
            yield answer
            if enough(answer):
                return
            time.sleep(0.01)

    def wait_for_code(self, code: int, timeout: float = 60) -> httpx.Response:
        """Wait until the orders are answered with a status code."""

        def answered() -> httpx.Response | None:
            response = self.get()
            return response if response.status_code == code else None

        response = self.process.wait_for(answered, timeout, f"/orders to answer {code}")
        assert response is not None
        return response
