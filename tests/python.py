"""Another interpreter, for what shows only in a process that begins afresh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def python(*words: str, cwd: Path = ROOT, **variables: str) -> str:
    """What an interpreter like ours prints, with these words and with variables beside ours.

    Raises:
        AssertionError: it failed; with what it said of that.
    """
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
