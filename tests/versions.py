"""The tests that depend on FastAPI's inner workings, on the versions where those changed.

`make versions` runs it; each version has an environment of its own in the cache folder, made from
PyPI when it is missing or old.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = Path.home() / ".cache" / "fastapi-maintenance" / "versions"

TOOLS = ("pytest>=8.3", "pytest-timeout>=2.3", "hypothesis>=6.130")
# What the TestClient of each Starlette works with.
FORMER_CLIENT = ("httpx>=0.27,<0.28", "anyio<4.10")
CLIENT = ("httpx>=0.27", "httpx2>=2.0")

VERSIONS: dict[str, tuple[str, ...]] = {
    "0.115.0": ("fastapi==0.115.0", *FORMER_CLIENT),  # the oldest that is supported
    "0.136": ("fastapi==0.136.*", *CLIENT),  # the last that has routes as a list
    "0.137.2": ("fastapi==0.137.2", *CLIENT),  # the first with a public way to walk the tree
    "newest": ("fastapi", *CLIENT),
}

TESTS = (
    "test_routes.py",
    "test_decorators.py",
    "test_published_faults.py",
    "test_handlers.py",
    "test_middleware.py",
    "test_websockets.py",
)


def environment(name: str) -> Path:
    """The interpreter of a version's environment, made or brought up to date where needed."""
    folder = CACHE / name
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join((*VERSIONS[name], *TOOLS))
    if name == "newest" or not stamp.exists() or stamp.read_text() != wanted:
        uv = [sys.executable, "-m", "uv", "--quiet"]
        if not python.exists():
            subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
        install = [*uv, "pip", "install", "--upgrade", "--python", str(python)]
        subprocess.run([*install, *wanted.splitlines()], check=True)
        stamp.write_text(wanted)
    return python


def main(arguments: list[str]) -> int:
    """Run the tests on the versions that are named first, else on all; the rest is for pytest."""
    named = [argument for argument in arguments if argument in VERSIONS]
    options = [argument for argument in arguments if argument not in VERSIONS]
    tests = [str(path) for name in TESTS if (path := ROOT / "tests" / "unit" / name).exists()]
    failed = []
    for name in named or VERSIONS:
        python = environment(name)
        print(f"FastAPI {name}", flush=True)
        command = [str(python), "-m", "pytest", "-q", "-r", "fE", "-p", "no:cacheprovider"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*command, *options, *tests], cwd=ROOT, env=variables, check=False)
        if done.returncode:
            failed.append(name)
    print(f"failed on {', '.join(failed)}" if failed else "passed on all of them")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
