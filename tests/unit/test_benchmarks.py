"""The benchmark of the gate runs and reports each of our subjects; how fast is not asked here."""

from __future__ import annotations

import pytest

from benchmarks.subjects.ours import OFF, ON, ON_UNKNOWN
from tests.python import python


@pytest.fixture(scope="module")
def report() -> str:
    """What the short form prints."""
    return python("-m", "benchmarks.gate", "--short")


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
    told = python("-m", "benchmarks.gate", "--help")
    for option in ("--rounds", "--calls", "--only", "--short", "streaming", "waygate"):
        assert option in told
