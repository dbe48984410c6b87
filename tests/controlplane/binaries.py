"""Where the control plane's binaries are, or the one command that brings them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.keeping import use
from tests.controlplane.pins import CONTROL_PLANE, fingerprint

NAMES = CONTROL_PLANE.names
ASSETS = "KUBEBUILDER_ASSETS"


class UnavailableError(Exception):
    """Something is missing on this machine; the message says what mends it."""


@dataclass(frozen=True)
class Binaries:
    """The folder that holds all of `NAMES`."""

    folder: Path

    def path(self, name: str) -> Path:
        """The binary called `name`."""
        return self.folder / name


def find() -> Binaries:
    """The binaries to use: those in `KUBEBUILDER_ASSETS` when it is set, else our own build.

    Raises:
        UnavailableError: some are missing.
    """
    return given() or built()


def given() -> Binaries | None:
    """The folder that `KUBEBUILDER_ASSETS` names, the convention of the Kubernetes world."""
    if not os.environ.get(ASSETS):
        return None
    folder = Path(os.environ[ASSETS]).expanduser().absolute()
    lacking = missing(folder)
    if lacking:
        raise UnavailableError(
            f"{ASSETS} is set to {folder}, which has no executable {' and no '.join(lacking)}. "
            + _advice(lacking)
        )
    return Binaries(folder)


def _advice(lacking: list[str]) -> str:
    way_out = f"unset {ASSETS}, and all of them are built from source"
    if lacking == ["kube-controller-manager"]:
        return (
            "The folders that setup-envtest downloads come without it, and these tests need its "
            f"garbage collector: add one of the same version, or {way_out}."
        )
    return f"Add what is missing, or {way_out}."


def built() -> Binaries:
    """Our own build, from the cache folder."""
    folder = cache_folder() / fingerprint()
    use(folder)
    if missing(folder):
        raise UnavailableError(
            "the control plane is not built yet: `make test` builds it, "
            "or `python -m tests.controlplane build`"
        )
    return Binaries(folder)


def missing(folder: Path) -> list[str]:
    """Which of `NAMES` are not there as executables."""
    return CONTROL_PLANE.missing(folder)


def cache_folder(name: str = CONTROL_PLANE.cache) -> Path:
    """Outside the checkout, so that every clone of it shares one build."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastapi-maintenance" / name
