"""What is built from source: which Go packages, from which module, into which folder."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """Binaries that are built together, once for each state of `sources`.

    `links` are the arguments of each `go build`: the output's name, or "" for a folder of them,
    and the packages. `core_minutes` is what a first build takes, on one core.
    """

    title: str
    module: Path
    sources: tuple[str, ...]
    names: tuple[str, ...]
    links: tuple[tuple[str, tuple[str, ...]], ...]
    core_minutes: int
    cache: str  # the folder's name in the user's cache folder

    @property
    def packages(self) -> list[str]:
        """All that is compiled."""
        return [package for _, packages in self.links for package in packages]

    def fingerprint(self) -> str:
        """A name for the binaries that these sources give on this kind of machine."""
        content = b"".join((self.module / name).read_bytes() for name in self.sources)
        kind = f"{platform.system()}-{platform.machine()}".encode()
        return hashlib.sha256(content + kind).hexdigest()[:16]

    def missing(self, folder: Path) -> list[str]:
        """Which of `names` are not there as executables."""
        return [name for name in self.names if not os.access(folder / name, os.X_OK)]
