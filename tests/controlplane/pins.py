"""What `go.mod` pins. It is the only place where a version stands; all else is read from it."""

from __future__ import annotations

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
KUBERNETES = "k8s.io/kubernetes"
ETCD = "go.etcd.io/etcd/server/v3"


@dataclass(frozen=True)
class Pins:
    """The versions that `go.mod` names."""

    go: tuple[int, ...]
    kubernetes: str
    etcd: str

    @property
    def minor(self) -> tuple[str, str]:
        """Major and minor number of Kubernetes, as its version endpoint gives them."""
        major, minor, *_ = self.kubernetes.removeprefix("v").split(".")
        return major, minor


def read_pins() -> Pins:
    """Read `go.mod`."""
    text = (MODULE / "go.mod").read_text()
    return Pins(
        go=parse_go(_line(text, r"go (\S+)")),
        kubernetes=_line(text, rf"\s*{re.escape(KUBERNETES)} (v\S+).*"),
        etcd=_line(text, rf"\s*{re.escape(ETCD)} (v\S+).*"),
    )


def parse_go(version: str) -> tuple[int, ...]:
    """`1.26.0` as (1, 26, 0); a missing patch level counts as 0."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))


def fingerprint() -> str:
    """A name for the binaries that this `go.mod` and `go.sum` give on this kind of machine."""
    content = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    kind = f"{platform.system()}-{platform.machine()}".encode()
    return hashlib.sha256(content + kind).hexdigest()[:16]


def _line(text: str, pattern: str) -> str:
    found = re.search(f"^{pattern}$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{MODULE / 'go.mod'} has no line like {pattern!r}")
    return found[1]
