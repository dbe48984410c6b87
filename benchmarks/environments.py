"""Environments with other packages: made once, by pip, in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

OLD_FASTAPI = ("fastapi==0.115.14", "starlette==0.46.2")
_COMMON = ("anyio", "pydantic", "pydantic_core", "typing_extensions")
"""Pinned to what runs here, in every environment: they are not what is compared."""

_WAYGATE_NEEDS = (
    "aiofiles==25.1.0",
    "jinja2==3.1.6",
    "openfeature-sdk==0.10.0",
    "packaging==26.3",
    "python-multipart==0.0.34",
)

_STAMP = "complete"


@dataclass(frozen=True)
class Environment:
    """An interpreter with its packages, and what it holds to be measured."""

    title: str
    """What its rows are called."""
    factory: str
    """``module:function`` that makes its subjects."""
    packages: tuple[str, ...] = ()
    """Pinned; none is the environment that this runs in."""
    fastapi: str = ""

    def python(self) -> Path:
        """Its interpreter; the environment is made if it is not there."""
        if not self.packages:
            return Path(sys.executable)
        folder = _cache_folder() / f"{self._slug()}-{self._fingerprint()}"
        if not (folder / _STAMP).exists():
            _make(folder, self.packages)
        return folder / "bin" / "python"

    def _slug(self) -> str:
        return f"{self.factory.partition(':')[2]}-fastapi-{self.fastapi}"

    def _fingerprint(self) -> str:
        text = "\n".join([sys.version, *self.packages])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def here() -> Environment:
    """This one: our gate."""
    return Environment("", "benchmarks.subjects.ours:subjects", fastapi=version("fastapi"))


def others() -> list[Environment]:
    """Those of other packages, with the FastAPI that runs here or one of their age."""
    module = "benchmarks.subjects.others"
    common = tuple(_pin(name) for name in _COMMON)
    new, old = (_pin("fastapi"), _pin("starlette")), OLD_FASTAPI
    published = ("fastapi-maintenance==0.0.5",)
    # The extras are what its middleware imports, whether they are used or not.
    waygate = ("waygate[admin,flags]==0.2.0", *_WAYGATE_NEEDS)
    return [
        Environment(
            f"{title}, FastAPI {_number(fastapi[0])}",
            f"{module}:{function}",
            (*packages, *fastapi, *common),
            _number(fastapi[0]),
        )
        for title, packages, function, fastapi in (
            ("fastapi-maintenance 0.0.5", published, "published", new),
            ("fastapi-maintenance 0.0.5", published, "published", old),
            ("waygate 0.2.0", waygate, "waygate", new),
        )
    ]


def clean_environ() -> dict[str, str]:
    """The variables that reach an interpreter: none that brings it other packages or settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FASTAPI_"))}


def _pin(name: str) -> str:
    return f"{name}=={version(name)}"


def _number(pin: str) -> str:
    return pin.partition("==")[2]


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastapi-maintenance" / "benchmarks"


def _make(folder: Path, packages: tuple[str, ...]) -> None:
    """A fresh environment; one that was left unfinished is made anew."""
    print(f"Installing {', '.join(packages)} into {folder} …", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *packages], check=True, stdout=sys.stderr)
    (folder / _STAMP).touch()
