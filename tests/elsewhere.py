"""Tests in other environments than this: one for each version of something, in the cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

ROOT = Path(__file__).parents[1]
UV = (sys.executable, "-m", "uv", "--quiet")


def environment(
    folder: Path,
    wanted: str,
    interpreter: str,
    install: Callable[[Path], Sequence[str]],
    *,
    anew: bool = False,
) -> Path:
    """The interpreter of an environment, made where it is missing.

    It is filled anew by what `install` gives as uv's words, unless it was with `wanted` and need
    not be done `anew`.
    """
    python, stamp = folder / "bin" / "python", folder / "wanted.txt"
    if anew or not stamp.exists() or stamp.read_text() != wanted:
        if not python.exists():
            make = [*UV, "venv", "--python", interpreter, str(folder)]
            subprocess.run(make, check=True, env=_with_those_of_pyenv())
        subprocess.run([*UV, "pip", *install(python)], check=True)
        stamp.write_text(wanted)
    return python


def _with_those_of_pyenv() -> dict[str, str]:
    """An environment in which uv finds what pyenv has built, whichever of it is chosen."""
    folders = map(str, Path.home().glob(".pyenv/versions/*/bin"))
    return {**os.environ, "PATH": os.pathsep.join([os.environ["PATH"], *folders])}


def run_on(
    versions: Collection[str],
    arguments: list[str],
    python: Callable[[str], Path],
    tests: Sequence[str],
    title: str,
) -> int:
    """Run the tests on the versions that are named first, else on all; the rest is for pytest."""
    named = [argument for argument in arguments if argument in versions]
    options = [argument for argument in arguments if argument not in versions]
    failed = []
    for version in named or versions:
        interpreter = python(version)
        print(f"{title} {version}", flush=True)
        command = [str(interpreter), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*command, *options, *tests], cwd=ROOT, env=variables, check=False)
        if done.returncode:
            failed.append(version)
    print(f"failed on {', '.join(failed)}" if failed else "passed on all of them")
    return bool(failed)
