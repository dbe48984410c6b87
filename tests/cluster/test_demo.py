"""`make cluster-demo` tells the same story on a control plane of its own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.leash import Leashed

if TYPE_CHECKING:
    from tests.controlplane.target import Cluster

ROOT = Path(__file__).parents[2]


@pytest.mark.owns_control_plane
def test_the_story_is_told_to_its_end(cluster: Cluster, tmp_path: Path) -> None:
    """By hand and by the clock: served, refused, served; with the Events at the end."""
    command = [sys.executable, "-m", "examples.demo.cluster"]
    with Leashed(command, log=tmp_path / "log", cwd=ROOT) as demo:
        assert demo.wait(280) == 0, demo.tail()
        codes = re.findall(r"→  (\d{3})", demo.output())
        assert codes == ["200", "503", "200", "503", "200"]
        assert demo.output().count("condition met") == 3
        assert "WindowClosed" in demo.output()
