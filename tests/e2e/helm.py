"""Helm's `install --wait`, `upgrade`, `rollback`, `uninstall`, by the library behind the command.

In a process of its own, as in `tests/chart.py`.

    python -m tests.e2e.helm KUBECONFIG VERB ARGUMENTS_AS_JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chart import ROOT


class HelmError(Exception):
    """Helm failed; the message is Helm's."""


@dataclass(frozen=True)
class Helm:
    """Helm for one namespace of one cluster; each verb waits until all is ready, where Pods run."""

    kubeconfig: Path
    namespace: str
    timeout: int = 240  # seconds
    waits: bool = True

    @property
    def _wait(self) -> dict[str, str]:
        return {"wait": "watcher"} if self.waits else {}

    def install(self, chart: Path, name: str, values: dict[str, Any] | None = None) -> None:
        """`helm install --wait --create-namespace`."""
        self._run("install", str(chart), name, values, create_namespace=True, **self._wait)

    def upgrade(self, chart: Path, name: str, values: dict[str, Any] | None = None) -> None:
        """`helm upgrade --wait`."""
        self._run("upgrade", str(chart), name, values, **self._wait)

    def ensure(self, chart: Path, name: str, values: dict[str, Any] | None = None) -> None:
        """Have the release as that chart makes it, whatever there is of it now."""
        try:
            self.upgrade(chart, name, values)
        except HelmError:
            self.uninstall(name)
            self.install(chart, name, values)

    def rollback(self, name: str) -> None:
        """`helm rollback --wait`, to the revision before."""
        self._run("rollback", name, **self._wait)

    def uninstall(self, name: str) -> None:
        """`helm uninstall --wait`."""
        self._run("uninstall", name, ignore_not_found=True, **self._wait)

    def test(self, name: str) -> None:
        """`helm test`."""
        self._run("test", name)

    def _run(self, verb: str, *arguments: object, **options: object) -> None:
        """
        Raises:
            HelmError: it failed, or was not ready in time.
        """
        options = {"timeout": self.timeout, **options}
        told = json.dumps({"namespace": self.namespace, "arguments": arguments, "options": options})
        command = [sys.executable, "-m", __name__, str(self.kubeconfig), verb, told]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HelmError(f"helm {verb}: {done.stderr}")


def main(kubeconfig: str, verb: str, told: str) -> None:
    """Run one verb."""
    import helm_python

    call = json.loads(told)
    config = helm_python.Config(kubeconfig_path=kubeconfig, namespace=call["namespace"])
    try:
        getattr(config, verb)(*call["arguments"], **call["options"])
    except helm_python.HelmError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
