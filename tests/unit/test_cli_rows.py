"""The order of `status`: what is open first, what is over last, and of that the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fastapi_maintenance.cli._output import table
from fastapi_maintenance.cli._rows import HEAD, NEWEST, in_order, row, shortened
from fastapi_maintenance.cli._seen import Seen, see
from tests.unit.making import at, manifest

NOW = at("2026-06-01T12:00Z")


def seen(name: str, **spec: Any) -> Seen:
    return see(manifest(name, **spec), NOW)


def over(name: str, end: str) -> Seen:
    return seen(name, start="2026-05-01T00:00:00Z", end=end)


ALL = [
    over("a-long-over", "2026-05-02T00:00:00Z"),
    over("b-over", "2026-06-01T11:00:00Z"),
    seen("c-later", start="2026-06-03T00:00:00Z"),
    seen("d-sooner", start="2026-06-02T00:00:00Z"),
    seen("e-idle", suspend=True),
    seen("f-wrong", apps=[]),
    seen("g-open"),
    seen("h-open"),
]


def test_what_is_open_comes_first_then_what_opens_next_and_last_what_is_over() -> None:
    assert [each.name for each in in_order(ALL)] == [
        *("g-open", "h-open", "f-wrong", "d-sooner", "c-later", "e-idle", "b-over", "a-long-over"),
    ]


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (4, 4), (5, NEWEST), (12, NEWEST)])
def test_of_what_is_over_the_newest_are_shown(count: int, kept: int) -> None:
    """One more is no longer than the line that would stand for it."""
    ended = [over(f"w{day}", f"2026-05-{day + 10}T00:00:00Z") for day in range(count)]
    shown = shortened(in_order([*ended, seen("open")]))
    names = [f"w{day}" for day in reversed(range(count))][:kept]
    assert [each.name for each in shown] == ["open", *names]


def test_a_row_says_when_it_ended_and_of_another_day_no_seconds(
    reader_in: Callable[[str], None],
) -> None:
    reader_in("Europe/Berlin")
    names = [HEAD.index(name) for name in ("NAME", "UNTIL", "NEXT")]
    shown = [tuple(row(each, everywhere=False)[i] for i in names) for each in in_order(ALL)]
    assert shown[3:5] == [
        ("d-sooner", "", "Tue 02 Jun 02:00 CEST (12h)"),
        ("c-later", "", "Wed 03 Jun 02:00 CEST (1d12h)"),
    ]
    assert shown[6:] == [
        ("b-over", "13:00:00 CEST (1h ago)", ""),
        ("a-long-over", "Sat 02 May 02:00 CEST (30d12h ago)", ""),
    ]
    far = seen("far", start="2027-06-01T00:00:00Z")
    assert "01 Jun 2027 02:00 CEST (364d12h)" in row(far, everywhere=False)


def test_a_column_that_has_nothing_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """So that the lines of few things fit into a narrow terminal."""
    table(("NAME", "UNTIL", "BY"), [("a", "", "jo"), ("b", "", "")])
    assert capsys.readouterr().out == "NAME   BY\na      jo\nb\n"
