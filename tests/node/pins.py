"""What the node runs besides the control plane, built from the same Kubernetes."""

from __future__ import annotations

from pathlib import Path

from tests.controlplane.pins import KUBERNETES
from tests.controlplane.recipe import Recipe

NAMES = ("kube-proxy", "kube-scheduler", "kubelet")
NODE = Recipe(
    title="the node",
    module=Path(__file__).parent,
    sources=("go.mod", "go.sum", "pause/main.go"),
    names=(*NAMES, "pause"),
    links=(("", (*(f"{KUBERNETES}/cmd/{name}" for name in NAMES), "./pause")),),
    core_minutes=8,
    cache="node",
)
