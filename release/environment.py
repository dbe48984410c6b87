"""An environment where nothing is but what is released, and what that needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UV = [sys.executable, "-m", "uv", "--quiet"]


def make_environment(folder: Path, wheel: Path, lock: Path) -> Path:
    """Install a wheel, and what a lock names, in a new folder; its interpreter is returned.

    What is locked is what every extra brings, so nothing but the lock is asked for.
    """
    python = folder / "bin" / "python"
    subprocess.run([*UV, "venv", "--python", sys.executable, str(folder)], check=True)
    install = [*UV, "pip", "install", "--python", str(python)]
    subprocess.run([*install, "--require-hashes", "--requirement", str(lock)], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    subprocess.run([*UV, "pip", "check", "--python", str(python)], check=True)
    for origin in folder.rglob("direct_url.json"):  # where the wheel lay is nobody's business
        origin.unlink()
    return python
