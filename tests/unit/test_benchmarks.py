"""The benchmark of the gate runs and reports each of our subjects; how fast is not asked here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.subjects.ours import OFF, ON, ON_UNKNOWN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report() -> str:
    """What the short form prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate", "--short"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def cells(report: str, start: str) -> list[str]:
    """The cells of the only row that starts so."""
    (line,) = (line for line in report.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


@pytest.mark.parametrize("name", OFF)
def test_letting_pass_is_compared_in_every_shape_of_application(report: str, name: str) -> None:
    *ratios, goal = cells(report, name)
    assert [len(ratio.split()) for ratio in ratios] == [2] * 4
    assert goal == "≤ 1.02"


@pytest.mark.parametrize("name", ON)
def test_refusing_is_compared_but_not_in_a_stream(report: str, name: str) -> None:
    *ratios, stream, goal = cells(report, name)
    assert [len(ratio.split()) for ratio in ratios] == [2] * 3
    assert (stream, goal) == ("-", "≤ 0.15")


@pytest.mark.parametrize(
    "name", ["the bare application, µs", "the same again", ON_UNKNOWN, "this package"]
)
def test_what_the_others_are_judged_by_is_there(report: str, name: str) -> None:
    assert all(cells(report, name))


def test_it_says_what_it_can_be_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for option in ("--rounds", "--calls", "--only", "--short", "streaming", "waygate"):
        assert option in done.stdout
