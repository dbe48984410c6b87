"""What is told of other windows, and of names by which nobody reports."""

from __future__ import annotations

import pytest

from fastapi_maintenance.cli._hints import note_flags, place
from fastapi_maintenance.cli._others import unregistered


@pytest.mark.parametrize(
    ("registered", "apps", "unknown"),
    [
        ({"orders"}, ["oders"], "oders"),
        ({"orders"}, ["orders", "oders"], "oders"),
        ({"orders"}, ["orders"], None),
        ({"orders"}, ["bill*"], None),
        ({"orders", None}, ["oders"], None),
        (set[str | None](), ["oders"], None),
    ],
    ids=["mistyped", "one of two", "known", "glob", "one without a name", "none at all"],
)
def test_a_name_by_which_nobody_reports_is_told_where_others_do(
    registered: set[str | None], apps: list[str], unknown: str | None
) -> None:
    expected = unknown and f"note: no process reports for {unknown}; registered are: orders"
    assert unregistered(registered, apps) == expected


def test_a_place_names_the_context_only_where_one_was_given() -> None:
    try:
        note_flags(["--context", "blue", "--as", "jo"])
        assert place("shop") == "namespace shop of context blue"
    finally:
        note_flags([])
    assert place("shop") == "namespace shop"
