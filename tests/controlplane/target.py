"""The cluster that tests run on: a control plane of their own, or one that somebody named."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.controlplane.kubectl import Kubectl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.cluster import ControlPlane


@dataclass(frozen=True)
class Cluster:
    """A cluster, and a folder for what is written about it (kubeconfigs, tokens, logs)."""

    folder: Path
    kubeconfig: Path  # an administrator's
    control_plane: ControlPlane | None = None

    @property
    def owned(self) -> bool:
        """Whether it is ours to stop, kill and freeze."""
        return self.control_plane is not None

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as an administrator."""
        return Kubectl(self.kubeconfig, self.control_plane.ask if self.control_plane else None)

    @cached_property
    def endpoint(self) -> dict[str, Any]:
        """The cluster's entry for another kubeconfig, with its CA in a file as in a Pod."""
        view = self.kubectl("config", "view", "--minify", "--flatten", "--raw", "-o", "json")
        entry: dict[str, Any] = json.loads(view.stdout)["clusters"][0]["cluster"]
        authority = entry.pop("certificate-authority-data", None)
        if authority:
            path = self.folder / "ca.crt"
            path.write_bytes(base64.b64decode(authority))
            entry["certificate-authority"] = str(path)
        return entry


def own(control_plane: ControlPlane) -> Cluster:
    """The cluster of a control plane that we have started."""
    return Cluster(control_plane.folder, control_plane.admin_kubeconfig, control_plane)


def existing(folder: Path, kubeconfig: Path, context: str | None = None) -> Cluster:
    """A cluster that somebody else runs: `context` of `kubeconfig`, or its current context.

    The choice is frozen into a file of its own, so that a `kubectl config use-context` elsewhere
    cannot move a running test to another cluster.
    """
    choice = ("--context", context) if context else ()
    view = Kubectl(kubeconfig)("config", "view", "--minify", "--flatten", "--raw", *choice)
    frozen = folder / "kubeconfig"
    frozen.touch(mode=0o600)
    frozen.write_text(view.stdout)
    return Cluster(folder, frozen)
