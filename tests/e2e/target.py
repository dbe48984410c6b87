"""The cluster that the end-to-end tests run on: a node of our own, kind, or the current context."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.target import existing
from tests.node.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("own", "kind", "current")
KIND_NAME = "fastapi-maintenance-e2e"


@dataclass(frozen=True)
class Target:
    """A cluster with Pods; `load` gives it an image, whose name is in the archive.

    `images` is where it finds images: what stands before `/operator:1.0.0a1`.
    """

    kubeconfig: Path
    load: Callable[[Path], None]
    images: str = "docker.io/fastapi-maintenance"
    node: Node | None = None  # where it is ours, to stop parts of it

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as an administrator."""
        return Kubectl(self.kubeconfig)


@contextmanager
def target(kind: str, folder: Path, images: str | None = None) -> Iterator[Target]:
    """The cluster of that kind; what was started for it ends with the context.

    Raises:
        UnavailableError: it can't be had here; says what is missing, and what brings it.
    """
    makers = {"own": _own, "kind": _kind, "current": _current}
    with makers[kind](folder, images) as made:
        yield made


@contextmanager
def _own(folder: Path, images: str | None) -> Iterator[Target]:
    with Node(folder) as node:
        yield Target(node.kubeconfig, node.load, node=node)


@contextmanager
def _kind(folder: Path, images: str | None) -> Iterator[Target]:
    """A cluster in Docker, removed afterwards."""
    for tool, where in (("kind", "https://kind.sigs.k8s.io"), ("docker", "Docker")):
        if shutil.which(tool) is None:
            raise UnavailableError(f"CLUSTER=kind needs {tool} ({where}) on PATH")
    kubeconfig, name = folder / "kubeconfig", ("--name", KIND_NAME)
    _kind_command("create", "cluster", *name, "--kubeconfig", str(kubeconfig), "--wait", "120s")
    try:
        yield Target(kubeconfig, lambda it: _kind_command("load", "image-archive", str(it), *name))
    finally:
        _kind_command("delete", "cluster", *name, "--kubeconfig", str(kubeconfig))


def _kind_command(*arguments: str) -> None:
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"`kind {' '.join(arguments[:2])}` failed:\n{done.stderr}")


@contextmanager
def _current(folder: Path, images: str | None) -> Iterator[Target]:
    """The current context of $KUBECONFIG or ~/.kube/config, whose registry has our images."""
    if not images:
        raise UnavailableError(
            "CLUSTER=current can't load images: push those that `make images` writes to a registry "
            "that the cluster reads (`skopeo copy oci-archive:dist/operator.tar docker://…`), "
            "and name it: IMAGES=registry.example.com/team"
        )
    kubeconfig = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    if not kubeconfig.exists():
        raise UnavailableError(f"CLUSTER=current: {kubeconfig} does not exist; set KUBECONFIG")
    found = existing(folder, kubeconfig)
    yield Target(found.kubeconfig, lambda archive: None, images=images)
