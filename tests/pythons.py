"""The tests of K8sBackend on the other Pythons that are supported.

`make pythons` runs it; each Python has an environment of its own in the cache folder, with the
locked versions of what these tests need. Where a Python is missing, uv brings it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.controlplane.binaries import cache_folder
from tests.elsewhere import ROOT, environment, run_on

if TYPE_CHECKING:
    from pathlib import Path

CACHE = cache_folder("pythons")
LOCK = ROOT / "requirements" / "dev.txt"

PYTHONS = ("3.11", "3.12", "3.13")

TESTS = (
    "tests/unit/reporting",
    "tests/unit/test_identity.py",
    "tests/unit/test_identity_oidc.py",
    "tests/unit/test_k8s_backend.py",
    "tests/unit/test_k8s_blocks.py",
    "tests/unit/test_k8s_writes.py",
    "tests/unit/test_lifespan.py",
    "tests/unit/test_reflector_on_tls.py",
    "tests/unit/test_transport.py",
    "tests/cluster/test_servers_in_cluster.py",
)


def python(version: str) -> Path:
    """The interpreter of an environment with what the lock names."""

    def install(interpreter: Path) -> list[str]:
        return ["sync", "--python", str(interpreter), "--require-hashes", str(LOCK)]

    return environment(CACHE / version, LOCK.read_text(), version, install)


if __name__ == "__main__":
    sys.exit(run_on(PYTHONS, sys.argv[1:], python, TESTS, "Python"))
