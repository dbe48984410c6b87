"""Users' code is typed by what the package says: with mypy and with pyright, both strict."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

TYPED = Path(__file__).parents[1] / "typed"
MARKED = {
    number
    for number, line in enumerate((TYPED / "wrong.py").read_text().splitlines(), 1)
    if line.endswith("# wrong")
}


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr == "", done.stderr
    return done.stdout


def lines_that_mypy_minds(file: Path) -> set[int]:
    said = run("mypy", "--strict", "--config-file=", "--no-incremental", str(file))
    return {int(n) for n in re.findall(rf"{file.name}:(\d+): error", said)}


def lines_that_pyright_minds(file: Path, tmp_path: Path) -> set[int]:
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(json.dumps({"include": [file.name], "typeCheckingMode": "strict"}))
    (tmp_path / file.name).write_text(file.read_text())
    said = run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(settings))
    found = json.loads(said)["generalDiagnostics"]
    return {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}


@pytest.mark.parametrize(("name", "minded"), [("right.py", set()), ("wrong.py", MARKED)])
def test_mypy_minds_what_is_wrong_and_nothing_else(name: str, minded: set[int]) -> None:
    assert lines_that_mypy_minds(TYPED / name) == minded


@pytest.mark.parametrize(("name", "minded"), [("right.py", set()), ("wrong.py", MARKED)])
def test_pyright_minds_what_is_wrong_and_nothing_else(
    name: str, minded: set[int], tmp_path: Path
) -> None:
    assert lines_that_pyright_minds(TYPED / name, tmp_path) == minded
