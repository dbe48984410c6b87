"""The published package, with a FastAPI of its age, in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).parents[2]

PACKAGES = (
    "fastapi-maintenance==0.0.5",
    "fastapi==0.115.14",
    "starlette==0.46.2",
    "httpx==0.28.1",
)


def folder() -> Path:
    """Where it is installed; pip does that where it is not.

    Raises:
        CalledProcessError: it can't.
    """
    version = "\n".join([sys.version, *PACKAGES]).encode()
    there = _cache() / hashlib.sha256(version).hexdigest()[:12]
    there.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(there.with_suffix(".lock")):
        if not there.exists():
            draft = there.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            command = [*pip, "install", "--target", str(draft), *PACKAGES]
            subprocess.run(command, check=True, capture_output=True, text=True)
            draft.rename(there)
    return there


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastapi-maintenance" / "published"


def run(program: Path, *path: Path) -> Any:
    """What a program prints, as JSON, with these folders as all its packages; none: with ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FASTAPI_"))}
    alone = ["-S"] if path else []
    done = subprocess.run(
        [sys.executable, "-P", *alone, str(program)],
        env=kept | {"PYTHONPATH": os.pathsep.join(map(str, path or (ROOT,)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
