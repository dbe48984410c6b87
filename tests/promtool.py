"""Prometheus' own judge of rules, from Debian's package: unpacked into the cache, not installed."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from tests.controlplane.binaries import cache_folder
from tests.node.debian import unpack

PACKAGE, PROGRAM = "prometheus", "promtool"


@functools.cache
def find_promtool() -> str:
    """The one on PATH, else the one from the cache, where it is put now if need be.

    Raises:
        UnavailableError: there is none, and this is no Debian or its packages can't be reached.
    """
    cached = cache_folder(PROGRAM) / PROGRAM
    if not shutil.which(PROGRAM) and not cached.exists():
        _fetch(cached)
    return shutil.which(PROGRAM) or str(cached)


def _fetch(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        root = Path(name) / "root"
        unpack((PACKAGE,), root, Path(name))
        (root / "usr" / "bin" / PROGRAM).replace(target)
