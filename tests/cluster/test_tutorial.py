"""What the tutorial has a reader type leads to what it says: the status behind each `curl`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.controlplane.ports import free_port
from tests.documentation import ROOT, blocks
from tests.leash import Leashed
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

BLOCKS = [b.text for b in blocks("python", "yaml", "sh") if b.page == ROOT / "docs/tutorial.md"]
ASKED = re.compile(r"curl -i localhost:8000(\S+)\s+# (\d{3})")
START = "2026-06-01T22:00:00Z"


def test_a_word_in_a_file_is_a_switch(tmp_path: Path) -> None:
    """On, read-only, and over; nothing is started anew meanwhile."""
    (tmp_path / "app.py").write_text(block_with("LocalFileBackend("))
    with served(tmp_path, os.environ) as port:
        assert typed(block_with("echo on"), tmp_path, os.environ, port) == [200, 503, 200]


def test_an_application_on_this_machine_follows_a_cluster_and_drains(
    kubectl: Kubectl, namespace: str, operator: Operator, tmp_path: Path
) -> None:
    """Refused, drained and ended step by step, then the same by one command."""

    def here(words: str) -> str:
        return re.sub(r'(-n |namespace=")shop', rf"\g<1>{namespace}", block_with(words))

    (tmp_path / "app.py").write_text(here("K8sBackend("))
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    manifest = block_with("kind: MaintenanceWindow")
    (tmp_path / "maintenance.yaml").write_text(manifest.replace(START, now))
    env = os.environ | environment(kubectl, tmp_path)
    with served(tmp_path, env) as port:
        assert typed(here("apply -f maintenance.yaml"), tmp_path, env, port) == [503, 200]
        assert typed(here("fastapi-maintenance run"), tmp_path, env, port) == []


def block_with(words: str) -> str:
    """The only one of the tutorial."""
    (text,) = [block for block in BLOCKS if words in block]
    return text


def environment(kubectl: Kubectl, folder: Path) -> dict[str, str]:
    """What the tutorial has exported: a kubeconfig of its own, since commands may write to it."""
    own = folder / "kubeconfig"
    own.write_bytes(kubectl.kubeconfig.read_bytes())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"KUBECONFIG": str(own), "FASTAPI_MAINTENANCE_KUBECONFIG": str(own), "PATH": path}


@contextmanager
def served(folder: Path, env: Mapping[str, str]) -> Iterator[int]:
    """The application of the folder, on a port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    with Leashed(command, log=folder / "log", cwd=folder, env=env) as server:
        server.wait_for(partial(answers, port, "/orders", 200), 60, "the application")
        yield port


def typed(text: str, folder: Path, env: Mapping[str, str], port: int) -> list[int]:
    """Each line in a shell; the statuses that came, as the comments say.

    What goes by a watch or a file arrives a moment later.
    """
    came = []
    for line in text.splitlines():
        if asked := ASKED.match(line):
            came.append(int(asked[2]))
            wait_for(partial(answers, port, asked[1], came[-1]), 60, line)
        elif not line.startswith("make "):
            subprocess.run(["bash", "-c", line], cwd=folder, env=env, check=True, timeout=240)
    return came


def answers(port: int, path: str, told: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}{path}").status_code == told
