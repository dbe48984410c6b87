"""What `on` and `run` open, and what they see of the cluster's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fastapi_maintenance.cli._opening import Opening, skew_of
from fastapi_maintenance.cli._others import others_open
from fastapi_maintenance.cli._seen import see
from fastapi_maintenance.cli.on import unapplied
from fastapi_maintenance.windows import parse_manifest
from tests.unit.making import at, manifest

NOW = at("2026-06-01T12:00:00.500000Z")


def test_a_window_opens_in_the_past_and_lasts_as_long_as_was_said() -> None:
    """Clocks differ a little, and all are to see it open."""
    opening = Opening(("orders",), timedelta(minutes=30), "on")
    spec = opening.manifest("shop", NOW, "jane")["spec"]
    assert (spec["start"], spec["duration"]) == ("2026-06-01T11:59:58Z", "30m2s")


@pytest.mark.parametrize(
    ("apps", "other", "same"),
    [
        (("a", "b"), ("b", "a"), True),
        (("a", "b"), ("a-b",), False),
        (("*",), ("orders",), False),
        (("Orders",), ("orders",), False),
    ],
)
def test_each_set_of_apps_has_a_window_of_its_own(
    apps: tuple[str, ...], other: tuple[str, ...], same: bool
) -> None:
    first, second = Opening(apps, None, "on"), Opening(other, None, "on")
    assert (first.called == second.called) is same
    for opening in (first, second):
        parse_manifest(opening.manifest("shop", NOW, None))


@pytest.mark.parametrize(
    ("created", "took", "said"),
    [
        ("2026-06-01T12:00:03Z", 0, None),
        ("2026-06-01T11:59:57Z", 0, None),
        ("2026-06-01T12:00:00Z", 20, None),
        ("2026-06-01T12:00:20Z", 20, None),
        ("2026-06-01T11:55:00Z", 20, "300 s ahead of the cluster's"),
        ("2026-06-01T12:05:00Z", 0, "300 s behind the cluster's"),
        ("2026-06-01T12:05:00Z", 20, "280 s behind the cluster's"),
    ],
)
def test_a_clock_that_is_off_is_told_of(created: str, took: float, said: str | None) -> None:
    """However long a busy API server takes to answer, that is no clock's fault."""
    made = {"metadata": {"creationTimestamp": created, "generation": 1}}
    warning = skew_of(made, NOW, NOW + timedelta(seconds=took))
    assert (warning is None) if said is None else (warning is not None and said in warning)


@pytest.mark.parametrize(
    ("asked", "given", "concerned"),
    [
        (["orders"], ["orders"], True),
        (["orders"], ["or*"], True),
        (["or*"], ["orders"], True),
        (["or*"], ["*"], True),
        (["*"], ["or*"], True),
        (["*-db"], ["orders-*"], True),
        (["or*"], ["bill*"], False),
        (["orders"], ["billing"], False),
    ],
)
def test_other_windows_that_are_open_for_an_app_are_found(
    asked: list[str], given: list[str], concerned: bool
) -> None:
    items: list[dict[str, Any]] = [manifest("other", apps=given)]
    assert bool(others_open(items, asked, "mine")) is concerned
    assert others_open(items, asked, "other") == []


@pytest.mark.parametrize(
    ("asked", "unapplied_then"),
    [
        ({}, ["--duration 30m"]),
        ({"message": "Moving", "description": "T-1"}, ["--duration 30m"]),
        ({"message": "Later"}, ["--duration 30m", "--message"]),
        ({"duration": None}, ["--until-off"]),
        ({"duration": None, "description": "T-2"}, ["--until-off", "--description"]),
    ],
)
def test_of_a_window_that_is_on_already_it_is_known_what_was_not_applied(
    asked: dict[str, Any], unapplied_then: list[str]
) -> None:
    end = "2026-06-01T13:00:00Z"
    spec = {"response": {"message": "Moving"}, "description": "T-1", "end": end}
    seen = see(manifest("orders-on", start="2026-06-01T11:00:00Z", **spec), NOW)
    opening = Opening(("orders",), **{"duration": timedelta(minutes=30), "made_for": "on", **asked})
    assert unapplied(seen, opening) == unapplied_then
