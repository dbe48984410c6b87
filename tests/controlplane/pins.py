"""What `go.mod` pins. It is the only place where a version stands; all else is read from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.recipe import Recipe

MODULE = Path(__file__).parent
KUBERNETES = "k8s.io/kubernetes"
ETCD = "go.etcd.io/etcd/server/v3"
KUBE = (f"{KUBERNETES}/cmd/kube-apiserver", f"{KUBERNETES}/cmd/kube-controller-manager")
CONTROL_PLANE = Recipe(
    title="the control plane",
    module=MODULE,
    sources=("go.mod", "go.sum"),
    names=("etcd", "kube-apiserver", "kube-controller-manager"),
    links=(("etcd", (ETCD,)), ("", KUBE)),
    core_minutes=24,  # measured: 14 minutes on two cores, with an empty cache
    cache="controlplane",
)


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
    return CONTROL_PLANE.fingerprint()


def _line(text: str, pattern: str) -> str:
    found = re.search(f"^{pattern}$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{MODULE / 'go.mod'} has no line like {pattern!r}")
    return found[1]
