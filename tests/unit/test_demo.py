"""`make demo` tells the whole story, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

from tests.leash import Leashed

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "examples.demo.local"]


def test_the_story_is_served_refused_and_served_again(tmp_path: Path) -> None:
    with Leashed(COMMAND, log=tmp_path / "log", cwd=ROOT) as demo:
        assert demo.wait(60) == 0
        assert re.findall(r"→  (\d{3})", demo.output()) == ["200", "503", "200"]
        assert "Retry-After: " in demo.output()


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    """It says so, exits as a shell expects, and shows no traceback."""

    with Leashed(COMMAND, log=tmp_path / "log", cwd=ROOT) as demo:
        demo.wait_for(lambda: "503" in demo.output(), 30, "the window to open")
        os.kill(demo.pid, signal.SIGINT)
        assert demo.wait(30) == 130
        assert "nothing is left running" in demo.output()
        assert "Traceback" not in demo.output()
