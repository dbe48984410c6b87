"""The picture of the coming days, character by character."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import combinations
from random import Random

import pytest

from fastapi_maintenance.cli._drawing import ASCII, Drawing
from fastapi_maintenance.windows import Exclusion, Window, matches, occurrence_at
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
    assert lines[0] == "         |Mon 01     |12:00      |Tue 02     |12:00"
    assert lines[1] == "first    ..####" + "." * 42
    assert lines[2] == "second   " + "=" + "." * 21 + "===" + "." * 21 + "=="
    assert not any(line.startswith("overlap") for line in lines)


@pytest.mark.parametrize(
    ("begin", "days", "shown"),
    [
        ("2026-06-01T15:00Z", 4, "|Mon 01  |Tue 02                 |Wed 03"),
        ("2026-06-01T21:00Z", 4, "   |Tue 02                 |Wed 03"),
        ("2026-06-01T21:00Z", 1, "|Mon 01     |Tue 02                 |06:00"),
        ("2026-06-01T23:30Z", 2, " |Tue 02     |06:00      |12:00      |18:00      |Wed 03"),
    ],
)
def test_the_first_day_is_named_where_there_is_room(begin: str, days: int, shown: str) -> None:
    open_ = window(fixed(("2026-05-01T00:00Z", None)), name="w")
    line = next(Drawing([open_], at(begin), timedelta(days=days), 106, ASCII).lines())
    assert line.startswith("         " + shown)


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
    assert lines[1] == "short    ..#" + "." * 21
    assert [line for line in lines if "idle" in line] == ["idle: suspended"]


def test_what_is_not_in_these_days_is_told_of_once_and_not_drawn() -> None:
    over = [
        window(fixed(("2026-05-01T02:00Z", "2026-05-01T03:00Z")), name=f"over{number}")
        for number in range(7)
    ]
    later = window(fixed(("2026-07-01T02:00Z", "2026-07-01T03:00Z")), name="later")
    assert drawn(*over, later) == [
        "Nothing opens in these 2 days.",
        "later: not in these days; Wed 01 Jul 02:00 - 03:00 UTC",
        "over: over0, over1, over2, over3, over4 and 2 more",
    ]
    near = window(fixed(("2026-06-01T02:00Z", "2026-06-01T06:00Z")), name="near")
    lines = drawn(*over, near)
    assert lines[1] == "near     ..####" + "." * 42
    assert [line for line in lines if "over0" in line] == [lines[-1]]


def test_one_that_exclusions_cut_away_is_drawn_as_that() -> None:
    cut = (Exclusion(at("2026-05-01T00:00Z"), at("2026-07-01T00:00Z")),)
    gone = window(fixed(("2026-06-01T02:00Z", "2026-06-01T06:00Z")), name="gone", exclusions=cut)
    lines = drawn(gone, days=1)
    assert lines[1] == "gone     ..xxxx" + "." * 18
    assert lines[-1] == "gone: cut by exclusions"


@pytest.mark.parametrize("seed", range(20))
def test_an_overlap_is_where_any_two_windows_are_open_for_an_app(seed: int) -> None:
    """By all pairs, hour by hour; a window does not overlap with itself."""
    random = Random(seed)
    windows = []
    for number in range(5):
        starts = sorted(random.sample(range(24), 4))
        stretches = [(start, min(start + random.randint(1, 6), 24)) for start in starts]
        apps = tuple(random.sample(("orders", "o*", "pay", "*", "p*"), 2))
        spans = [(f"2026-06-01T{a:02}:00Z", _hour(b)) for a, b in stretches]
        windows.append(window(fixed(*spans), name=f"w{number}", apps=apps))
    line = next((each for each in drawn(*windows, days=1) if each.startswith("overlap")), "")
    expected = [_clash(windows, BEGIN + timedelta(hours=hour)) for hour in range(24)]
    assert line[9:].ljust(24) == "".join(" !"[found] for found in expected)


def _hour(number: int) -> str:
    return f"2026-06-01T{number:02}:00Z" if number < 24 else "2026-06-02T00:00Z"


def _clash(windows: list[Window], instant: datetime) -> bool:
    opened = [each for each in windows if occurrence_at(each, instant)]
    return any(
        matches(a, b) or matches(b, a)
        for first, second in combinations(opened, 2)
        for a in first.apps
        for b in second.apps
    )
