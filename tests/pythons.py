"""The tests of K8sBackend on the other Pythons that are supported.

`make pythons` runs it; each Python has an environment of its own in the cache folder, with the
locked versions of what these tests need. Where a Python is missing, uv brings it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = Path.home() / ".cache" / "fastapi-maintenance" / "pythons"
LOCK = ROOT / "requirements" / "dev.txt"

PYTHONS = ("3.11", "3.12", "3.13")

TESTS = (
    "tests/unit/test_identity.py",
    "tests/unit/test_identity_oidc.py",
    "tests/unit/test_k8s_backend.py",
    "tests/unit/test_k8s_blocks.py",
    "tests/unit/test_k8s_writes.py",
    "tests/unit/test_lifespan.py",
    "tests/unit/test_process_rules.py",
    "tests/unit/test_reflector_on_tls.py",
    "tests/unit/test_transport.py",
    "tests/cluster/test_servers_in_cluster.py",
)


def environment(version: str) -> Path:
    """The interpreter of an environment, made or brought up to date where needed."""
    folder = CACHE / version
    python, stamp = folder / "bin" / "python", folder / "lock.txt"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        uv = [sys.executable, "-m", "uv", "--quiet"]
        if not python.exists():
            make = [*uv, "venv", "--python", version, str(folder)]
            subprocess.run(make, check=True, env=_with_those_of_pyenv())
        sync = [*uv, "pip", "sync", "--python", str(python), "--require-hashes", str(LOCK)]
        subprocess.run(sync, check=True)
        stamp.write_text(LOCK.read_text())
    return python


def _with_those_of_pyenv() -> dict[str, str]:
    """An environment in which uv finds what pyenv has built, whichever of it is chosen."""
    folders = map(str, Path.home().glob(".pyenv/versions/*/bin"))
    return {**os.environ, "PATH": os.pathsep.join([os.environ["PATH"], *folders])}


def main(arguments: list[str]) -> int:
    """Run the tests on the Pythons that are named first, else on all; the rest is for pytest."""
    named = [argument for argument in arguments if argument in PYTHONS]
    options = [argument for argument in arguments if argument not in PYTHONS]
    failed = []
    for version in named or PYTHONS:
        print(f"Python {version}", flush=True)
        command = [str(environment(version)), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*command, *options, *TESTS], cwd=ROOT, env=variables, check=False)
        if done.returncode:
            failed.append(version)
    print(f"failed on {', '.join(failed)}" if failed else "passed on all of them")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
