"""The tests that depend on FastAPI's inner workings, on the versions where those changed.

`make versions` runs it; each version has an environment of its own in the cache folder, made from
PyPI when it is missing or old.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.controlplane.binaries import cache_folder
from tests.elsewhere import ROOT, environment, run_on

if TYPE_CHECKING:
    from pathlib import Path

CACHE = cache_folder("versions")

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
    "test_routes_at_random.py",
    "test_routes_of_frontends.py",
    "test_decorators.py",
    "test_published_faults.py",
    "test_handlers.py",
    "test_middleware.py",
    "test_websockets.py",
)


def python(name: str) -> Path:
    """The interpreter of a version's environment; what is newest is looked up each time."""
    wanted = [*VERSIONS[name], *TOOLS]

    def install(interpreter: Path) -> list[str]:
        return ["install", "--upgrade", "--python", str(interpreter), *wanted]

    known = "\n".join(wanted)
    return environment(CACHE / name, known, sys.executable, install, anew=name == "newest")


def main(arguments: list[str]) -> int:
    """Run those of the tests that are there."""
    tests = [str(path) for name in TESTS if (path := ROOT / "tests" / "unit" / name).exists()]
    return run_on(VERSIONS, ["-rfE", *arguments], python, tests, "FastAPI")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
