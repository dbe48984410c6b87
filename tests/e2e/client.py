"""The client in the cluster, as tests see it: what it asked, and what it was answered."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl

SCRIPT = Path(__file__).with_name("traffic.py")
RATE = 10  # requests a second to each Service
SETTLED = 25  # answers of one kind in a row: every process of four has had its turn
PATIENCE = 120  # seconds for what takes some on a machine with nothing else to do


@dataclass(frozen=True)
class Answer:
    """One answer; `sent` is when it was asked for, by the client's clock."""

    to: str
    sent: float
    status: int
    window: str  # X-Maintenance
    body: str
    took: float

    @property
    def refused_by(self) -> str | None:
        """The window that refused it, as `namespace/name`."""
        found = self.window.startswith("window=") and self.status == 503
        return self.window.removeprefix("window=").split(",")[0] if found else None


class Held:
    """A request that is under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> int:
        """Send the rest of it; the answer's status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return int(self.line())


class Client:
    """A Pod that asks Services all the time."""

    def __init__(self, kubectl: Kubectl, namespace: str, image: str, name: str = "client") -> None:
        self._kubectl, self.namespace, self.name, self._image = kubectl, namespace, name, image

    def start(self, services: dict[str, str]) -> None:
        """Start it; `services` are paths by the names of Services of its namespace."""
        targets = [f"{name}=http://{self._address(name)}{path}" for name, path in services.items()]
        container = {
            "name": "client",
            "image": self._image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", "-u", "-c", SCRIPT.read_text(), str(RATE), *targets],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        spec = {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name}, "spec": spec}
        self._kubectl("-n", self.namespace, "apply", "-f", "-", input=json.dumps(pod))
        ready = ("--for=condition=Ready", "--timeout=120s", f"pod/{self.name}")
        self._kubectl("-n", self.namespace, "wait", *ready)

    def _address(self, service: str) -> str:
        """By number: a cluster of our own has no DNS."""
        where = ("-n", self.namespace, "get", "service", service)
        return self._kubectl(*where, "-o", "jsonpath={.spec.clusterIP}").stdout

    def answers(self, to: str, since: float) -> list[Answer]:
        """What one Service answered to requests that were sent since then (seconds of Unix)."""
        stamp = datetime.fromtimestamp(since, UTC).isoformat().replace("+00:00", "Z")
        logs = ("-n", self.namespace, "logs", self.name, f"--since-time={stamp}")
        lines = self._kubectl(*logs).stdout.splitlines()
        found = [Answer(**json.loads(line)) for line in lines if line.startswith("{")]
        return [answer for answer in found if answer.to == to and answer.sent >= since]

    @contextmanager
    def holding(self, service: str, path: str) -> Iterator[Held]:
        """A POST that the application has begun to read, until it is told to end."""
        url = f"http://{self._address(service)}{path}"
        python = ("exec", "-i", self.name, "--", "python", "-c", SCRIPT.read_text(), "hold", url)
        with self._kubectl.open("-n", self.namespace, *python) as process:
            held = Held(process)
            try:
                assert held.line() == "begun"
                yield held
            finally:
                process.kill()

    def await_refusals(self, to: str, window: str, since: float) -> float:
        """Wait until all answers are that window's, and say since when they are."""

        def settled() -> float | None:
            last = self.answers(to, since)[-SETTLED:]
            done = len(last) == SETTLED and all(answer.refused_by == window for answer in last)
            return last[0].sent if done else None

        return wait_for(settled, PATIENCE, f"{window} to refuse {to}", interval=0.3) or 0

    def await_service(self, to: str, since: float) -> float:
        """Wait until all answers are the application's, and say since when they are."""

        def settled() -> float | None:
            last = self.answers(to, since)[-SETTLED:]
            done = len(last) == SETTLED and all(answer.status == 200 for answer in last)
            return last[0].sent if done else None

        return wait_for(settled, PATIENCE, f"{to} to serve again", interval=0.3) or 0


def refusals_only(answers: list[Answer], window: str) -> list[Answer]:
    """Those of the answers that are not the window's: none, if all is well."""
    return [answer for answer in answers if answer.refused_by != window]


def foreign(answers: list[Answer], window: str) -> list[Answer]:
    """Those that are neither the application's nor the window's: none, if all is well."""
    return [it for it in answers if it.status != 200 and it.refused_by != window]
