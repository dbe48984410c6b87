"""A new user types what the README says, and has migrated."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane.kubectl import Kubectl
from tests.controlplane.ports import free_port
from tests.documentation import ROOT, blocks
from tests.leash import Leashed

if TYPE_CHECKING:
    from tests.controlplane.install import Operator

BLOCK = next(b for b in blocks("sh") if b.page == ROOT / "README.md" and "make cluster" in b.text)
BY_THE_TESTS = ("make cluster", "source ", "export ", "kubectl create namespace")
"""What is there already, or elsewhere."""
UNTIL, DONE = "until (: >/dev/tcp/127.0.0.1/", ") 2>/dev/null; do sleep 0.1; done\n"
"""Who types takes some seconds from one line to the next, in which the application starts."""


def test_the_readme_leads_to_a_migration_by_few_commands(
    kubectl: Kubectl, namespace: str, operator: Operator, tmp_path: Path
) -> None:
    """The window is opened, drained and ended around the command, by at most eight lines."""
    lines = BLOCK.text.splitlines()
    assert len(lines) <= 8
    typed = [line for line in lines if not line.startswith(BY_THE_TESTS)]
    assert len(typed) == 3
    script = "\n".join(typed).replace("shop", namespace)
    port = free_port()
    script = script.replace("app:app &", f"app:app --port {port} & server=$!\n{UNTIL}{port}{DONE}")
    script = re.sub(
        r"(fastapi-maintenance run.*)", r"\1; code=$?; kill $server; exit $code", script
    )
    own = tmp_path / "kubeconfig"
    own.write_bytes(kubectl.kubeconfig.read_bytes())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    files = {"KUBECONFIG": str(own), "FASTAPI_MAINTENANCE_KUBECONFIG": str(own)}
    command = ["bash", "-c", script]
    log, env = tmp_path / "log", os.environ | files | {"PATH": path}
    with Leashed(command, log=log, cwd=ROOT, env=env) as shell:
        assert shell.wait(240) == 0, shell.tail()
        said = shell.output()
    assert re.search(r"drained: 1 of 1 reporting.*\nmigrated\n.* ended", said, re.DOTALL), said
