"""The picture of the coming days, character by character."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from fastapi_maintenance.cli._drawing import ASCII, Drawing
from fastapi_maintenance.windows import Exclusion, Window
from tests.unit.making import at, fixed, recurring, window

BEGIN = at("2026-06-01T00:00Z")


@pytest.fixture(autouse=True)
def _in_utc(reader_in: Callable[[str], None]) -> None:
    """Where the reader is decides where days begin."""
    reader_in("Etc/UTC")


def drawn(*windows: Window, days: int = 2) -> list[str]:
    """A cell for each hour."""
    return list(Drawing(windows, BEGIN, timedelta(days=days), 10 + 24 * days, ASCII).lines())


def test_each_window_is_a_row_and_days_have_their_names() -> None:
    first = window(fixed(("2026-06-01T02:00Z", "2026-06-01T06:00Z")), name="first")
    second = window(recurring("0 22 * * *", hours=3), name="second", mode="ReadOnly")
    lines = drawn(first, second)
    assert lines[0] == "         |Mon 01                 |Tue 02"
    assert lines[1] == "first    ..####" + "." * 42
    assert lines[2] == "second   " + "=" + "." * 21 + "===" + "." * 21 + "=="
    assert not any(line.startswith("overlap") for line in lines)


def test_what_an_exclusion_cuts_and_what_overlaps_is_seen() -> None:
    cut = (Exclusion(at("2026-06-01T04:00Z"), at("2026-06-01T06:00Z")),)
    first = window(
        fixed(("2026-06-01T02:00Z", "2026-06-01T08:00Z")), name="a", apps=("o*",), exclusions=cut
    )
    second = window(fixed(("2026-06-01T07:00Z", None)), name="b", apps=("orders",))
    other = window(fixed(("2026-06-01T02:00Z", None)), name="c", apps=("billing",))
    lines = drawn(first, second, other, days=1)
    assert lines[1] == "a        ..##xx##" + "." * 16
    assert lines[4] == "overlap  .......!".replace(".", " ")
    assert "b: from Mon 01 Jun 07:00, until it is ended" in lines


def test_one_that_is_short_is_still_seen_and_one_that_is_suspended_is_not() -> None:
    short = window(fixed(("2026-06-01T02:10Z", "2026-06-01T02:11Z")), name="short")
    idle = window(fixed(("2026-06-01T02:10Z", None)), name="idle", suspend=True)
    lines = drawn(short, idle, days=1)
    assert lines[1] == "idle     " + "." * 24
    assert lines[2] == "short    ..#" + "." * 21
    assert "idle: suspended" in lines
