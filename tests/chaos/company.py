"""The applications of a run, each with its clients and its own way to the API server."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from fastapi_maintenance.backends.kubernetes.pace import Pace
from tests.chaos.acting import Client, Clock
from tests.chaos.link import HOST, Link
from tests.chaos.settings import PACE, REPORT, SOURCE, text_of
from tests.controlplane import ports
from tests.controlplane.daemon import Daemon
from tests.controlplane.pki import write_kubeconfig

if TYPE_CHECKING:
    from tests.controlplane.identity import Identity

CLIENTS = 2
"""Of each application."""


@dataclass(frozen=True)
class Kind:
    """How an application follows windows."""

    name: str
    source: str
    report: bool = False
    watches: int = 1

    @property
    def planned(self) -> bool:
        """Whether what it knows comes by the operator."""
        return self.source == "configmap"


KINDS = (
    Kind("own watch", "maintenancewindow"),
    Kind("own watch, reporting", "maintenancewindow", report=True),
    Kind("plan", "configmap", watches=2),
)


class Application(Daemon):
    """tests/chaos/orders.py under uvicorn, which reaches the API server by a link."""

    def __init__(self, identity: Identity, link: Link, kind: Kind, pace: Pace) -> None:
        self.kind = kind
        self.port = ports.free_port()
        folder = identity.folder / kind.name.replace(", ", "-").replace(" ", "-")
        folder.mkdir()
        endpoint = {
            "server": f"https://{HOST}:{link.port}",
            "certificate-authority": str(identity.folder / "ca.crt"),
        }
        user = {"tokenFile": str(identity.token_file)}
        kubeconfig = write_kubeconfig(
            folder / "kubeconfig", cluster=endpoint, user=user, namespace=identity.namespace
        )
        # Longer than clients keep a connection: none is closed in the moment that one asks on it.
        kept = ("--timeout-keep-alive", "60")
        where = ("--host", HOST, "--port", str(self.port), "--no-access-log", *kept)
        super().__init__(
            [sys.executable, "-m", "uvicorn", "tests.chaos.orders:app", *where],
            log=folder / "app.log",
            ready=lambda: httpx.get(self.url + "/healthz", trust_env=False).status_code == 200,
            env=os.environ
            | {
                "FASTAPI_MAINTENANCE_KUBECONFIG": str(kubeconfig),
                PACE: text_of(pace),
                SOURCE: kind.source,
                REPORT: "yes" if kind.report else "no",
            },
        )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass
class Company:
    """An application with its clients."""

    app: Application
    clients: list[Client]


def make_company(app: Application, clock: Clock, seed: int) -> Company:
    """An application with clients whose questions follow from the seed."""
    return Company(
        app,
        [
            Client(
                clock,
                httpx.Client(base_url=app.url, trust_env=False, timeout=30),
                random.Random(f"{seed}: {app.kind.name} {number}"),
            )
            for number in range(CLIENTS)
        ],
    )
