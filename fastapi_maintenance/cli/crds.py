"""``crds``: the custom resources, as YAML."""

from __future__ import annotations

from pathlib import Path

from ._access import Flags

_INSTALLED = Path(__file__).with_name("crds")
_CHECKOUT = Path(__file__).parents[2] / "crds"


def crds(flags: Flags) -> None:
    """Print the CRDs as YAML.

    A Helm release of the chart has them already.
    """
    del flags
    print("---\n".join(path.read_text() for path in crd_files()), end="")


def crd_files() -> list[Path]:
    """As they are in the wheel, else as in a checkout."""
    return sorted(_INSTALLED.glob("*.yaml")) or sorted(_CHECKOUT.glob("*.yaml"))
