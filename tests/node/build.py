"""Bringing all that a node needs: built from source once, or fetched."""

from __future__ import annotations

from tests.controlplane import build as control_plane
from tests.node import debian, machine
from tests.node.pins import NODE


def build() -> None:
    """Make sure that all parts are there; silent when they are.

    Raises:
        UnavailableError: this machine can't have a node, or the build failed.
    """
    machine.check()
    control_plane.build()
    control_plane.follow(NODE)
    debian.fetch()
