"""What a window's status should be at an instant, and what is worth an Event."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from fastapi_maintenance.windows import Exclusion, Override
from fastapi_maintenance_operator.events import events
from fastapi_maintenance_operator.reconcile import (
    Fate,
    Object,
    Observed,
    desired_status,
    has_expired,
    next_edge,
    read,
)
from tests.unit.making import at, stored

LUNCH: dict[str, Any] = {"start": "2026-06-01T12:00:00Z", "duration": "1h"}
NOON = "2026-06-01T12:00Z"
ONE = "2026-06-01T13:00Z"
BEFORE = "2026-06-01T11:00Z"
NIGHTLY: dict[str, Any] = {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin", "duration": "2h"}


def observed(status: Object | None = None, name: str = "w", /, **spec: Any) -> Observed:
    item = stored(name, **spec)
    return read(item if status is None else {**item, "status": status})


def status_at(now: str, fate: Fate = Fate.PLANNED, /, **spec: Any) -> Object:
    return desired_status(observed(**spec), fate, at(now))


def conditions(status: Object) -> dict[str, tuple[str, str, str]]:
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}


VALID = ("False", "Valid", "The window is valid")
PLANNED = ("True", "Planned", "The window is valid and in the plan")


@pytest.mark.parametrize(
    ("now", "spec", "active"),
    [
        (BEFORE, LUNCH, ("False", "Scheduled", "Opens at 2026-06-01T12:00:00Z")),
        (NOON, LUNCH, ("True", "Open", "Full maintenance until 2026-06-01T13:00:00Z")),
        (ONE, LUNCH, ("False", "Finished", "There is no further occurrence")),
        (ONE, {"start": LUNCH["start"]}, ("True", "Open", "Full maintenance until it is ended")),
        (NOON, {**LUNCH, "suspend": True}, ("False", "Suspended", "spec.suspend is true")),
        (
            "2026-06-01T00:30Z",
            {**NIGHTLY, "mode": "ReadOnly"},
            ("True", "Open", "ReadOnly maintenance until 2026-06-01T02:00:00Z"),
        ),
    ],
)
def test_active_says_what_the_window_does_now(
    now: str, spec: dict[str, Any], active: tuple[str, str, str]
) -> None:
    expected = {"Ready": PLANNED, "Stalled": VALID, "Active": active}
    assert conditions(status_at(now, **spec)) == expected


def test_an_invalid_window_is_stalled_and_says_why() -> None:
    """What an older API server let through."""
    status = status_at(NOON, **LUNCH, mode="Half")
    error = "spec.mode: 'Half' is unknown: known here: Full, ReadOnly"
    assert conditions(status) == {
        "Ready": ("False", "Invalid", error),
        "Stalled": ("True", "Invalid", error),
        "Active": ("False", "Invalid", "An invalid window is never active"),
    }
    assert "current" not in status


def test_a_window_that_is_too_large_for_the_plan_is_not_ready_but_active() -> None:
    found = conditions(status_at(NOON, Fate.TOO_LARGE, **LUNCH))
    assert found["Ready"][:2] == ("False", "PlanTooLarge")
    assert (found["Stalled"][0], found["Active"][0]) == ("True", "True")


def test_the_status_is_about_the_generation_that_was_read() -> None:
    item = stored(**LUNCH)
    item["metadata"]["generation"] = 7
    status = desired_status(read(item), Fate.PLANNED, at(NOON))
    assert status["observedGeneration"] == 7
    assert {c["observedGeneration"] for c in status["conditions"]} == {7}


def test_the_status_has_the_present_and_the_next_occurrence() -> None:
    status = status_at("2026-06-01T00:30Z", **NIGHTLY)
    assert status["current"] == {"start": "2026-06-01T00:00:00Z", "end": "2026-06-01T02:00:00Z"}
    assert status["next"] == {"start": "2026-06-02T00:00:00Z", "end": "2026-06-02T02:00:00Z"}


def test_an_occurrence_without_an_end_has_none_in_the_status() -> None:
    status = status_at(NOON, start=LUNCH["start"])
    assert status["current"] == {"start": "2026-06-01T12:00:00Z"}
    assert "next" not in status


@pytest.mark.parametrize("later", ["2026-06-01T12:00:01Z", "2026-06-01T12:59:59.9Z"])
def test_between_edges_the_status_stays_what_it_is(later: str) -> None:
    """So that nothing is written, and nobody who watches is woken."""
    status = status_at(NOON, **LUNCH)
    assert desired_status(observed(status, **LUNCH), Fate.PLANNED, at(later)) == status


@pytest.mark.parametrize(
    ("now", "spec", "edge"),
    [
        (BEFORE, LUNCH, NOON),
        (NOON, LUNCH, ONE),
        (ONE, LUNCH, None),
        (NOON, {"start": LUNCH["start"]}, None),
        (BEFORE, {**LUNCH, "suspend": True}, None),
        (BEFORE, {**LUNCH, "mode": "Half"}, None),
        ("2026-06-01T00:30Z", NIGHTLY, "2026-06-01T02:00Z"),
        ("2026-06-01T02:00Z", NIGHTLY, "2026-06-02T00:00Z"),
        # The next occurrence begins before this one ends.
        ("2026-06-01T00:30Z", {**NIGHTLY, "duration": "30h"}, "2026-06-02T00:00Z"),
    ],
)
def test_the_next_edge_is_when_the_status_changes_by_itself(
    now: str, spec: dict[str, Any], edge: str | None
) -> None:
    assert next_edge(observed(**spec), at(now)) == (at(edge) if edge else None)


def told(before: Object | None, now: str, **spec: Any) -> list[Object]:
    seen = observed(before, **spec)
    return list(events(seen, desired_status(seen, Fate.PLANNED, at(now)), at(now)))


def test_opening_and_closing_are_worth_an_event_each() -> None:
    closed, opened = status_at(BEFORE, **LUNCH), status_at(NOON, **LUNCH)
    (event,) = told(closed, NOON, **LUNCH)
    assert event["reason"] == "WindowOpened"
    assert event["note"] == "Full maintenance of * until 2026-06-01T13:00:00Z"
    (event,) = told(opened, ONE, **LUNCH)
    assert event["reason"] == "WindowClosed"
    assert event["note"] == "Maintenance is over: There is no further occurrence"


def test_a_close_says_when_it_opens_again() -> None:
    (event,) = told(status_at("2026-06-01T00:30Z", **NIGHTLY), "2026-06-01T02:00Z", **NIGHTLY)
    assert event["note"] == "Maintenance is over: opens again at 2026-06-02T00:00:00Z"


def test_what_nobody_saw_close_and_open_again_is_told_as_both() -> None:
    """The operator was down between two occurrences."""
    opened = status_at("2026-06-01T00:30Z", **NIGHTLY)
    found = told(opened, "2026-06-02T00:30Z", **NIGHTLY)
    assert [event["reason"] for event in found] == ["WindowClosed", "WindowOpened"]


def test_occurrences_that_meet_are_one_opening() -> None:
    day = {**NIGHTLY, "duration": "24h"}
    assert told(status_at("2026-06-01T00:30Z", **day), "2026-06-02T00:30Z", **day) == []


@pytest.mark.parametrize(
    ("fate", "spec", "reason", "action"),
    [
        (Fate.PLANNED, {"mode": "Half"}, "WindowInvalid", "Validate"),
        (Fate.TOO_LARGE, {}, "WindowPlanTooLarge", "Publish"),
    ],
)
def test_a_problem_is_told_once_for_each_edit(
    fate: Fate, spec: dict[str, Any], reason: str, action: str
) -> None:
    """With what the condition says, as a warning."""
    seen = observed(**LUNCH, **spec)
    status = desired_status(seen, fate, at(BEFORE))
    (event,) = events(seen, status, at(BEFORE))
    assert (event["reason"], event["action"], event["type"]) == (reason, action, "Warning")
    assert event["note"] == conditions(status)["Ready"][2]
    (again,) = events(seen, desired_status(seen, fate, at(BEFORE)), at("2026-06-01T11:30Z"))
    assert again["metadata"]["name"] == event["metadata"]["name"]
    told_of = observed(status, **LUNCH, **spec)
    assert list(events(told_of, desired_status(told_of, fate, at(BEFORE)), at(BEFORE))) == []
    told_of.object["metadata"]["generation"] = 2
    (edited,) = events(told_of, desired_status(told_of, fate, at(BEFORE)), at(BEFORE))
    assert edited["metadata"]["name"] != event["metadata"]["name"]


@pytest.mark.parametrize(
    ("before", "now"), [(None, BEFORE), (BEFORE, BEFORE), (NOON, "2026-06-01T12:30Z"), (ONE, ONE)]
)
def test_where_a_window_neither_opens_nor_closes_there_is_no_event(
    before: str | None, now: str
) -> None:
    assert told(status_at(before, **LUNCH) if before else None, now, **LUNCH) == []


def test_suspending_an_open_window_closes_it() -> None:
    (event,) = told(status_at(NOON, **LUNCH), NOON, **LUNCH, suspend=True)
    assert event["reason"] == "WindowClosed"


def test_an_event_is_about_its_window() -> None:
    (event,) = told(None, NOON, start=LUNCH["start"])
    assert event["note"] == "Full maintenance of * until it is ended"
    assert event["metadata"]["namespace"] == "shop"
    assert event["regarding"] == {
        "apiVersion": "fastapi-maintenance.io/v1alpha1",
        "kind": "MaintenanceWindow",
        "namespace": "shop",
        "name": "w",
        "uid": "uid-of-w",
    }
    assert (event["type"], event["action"]) == ("Normal", "Open")


@pytest.mark.parametrize("now", [NOON, "2026-06-01T12:00:00.5Z"])
def test_the_time_of_an_event_has_microseconds(now: str) -> None:
    """The API server takes a MicroTime in this form only."""
    (event,) = told(None, now, **LUNCH)
    assert re.fullmatch(r"2026-06-01T12:00:00\.\d{6}Z", event["eventTime"])


def name_of(status: Object | None, now: str, name: str = "w", **spec: Any) -> str:
    seen = observed(status, name, **spec)
    (event,) = events(seen, desired_status(seen, Fate.PLANNED, at(now)), at(now))
    return str(event["metadata"]["name"])


def test_the_name_of_an_event_makes_it_happen_once() -> None:
    """A second try after a failure, or a second operator, meets the first one's Event."""
    assert name_of(None, NOON, **LUNCH) == name_of(None, "2026-06-01T12:30Z", **LUNCH)


def test_events_of_other_windows_occurrences_and_reasons_have_other_names() -> None:
    opened = status_at("2026-06-01T00:30Z", **NIGHTLY)
    names = [
        name_of(None, "2026-06-01T00:30Z", **NIGHTLY),
        name_of(None, "2026-06-02T00:30Z", **NIGHTLY),
        name_of(None, "2026-06-01T00:30Z", "v", **NIGHTLY),
        name_of(opened, "2026-06-01T02:00Z", **NIGHTLY),
    ]
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[wv]\.[0-9a-f]{16}", name) for name in names)


AT_NOON: dict[str, Any] = {"schedule": "0 12 * * *", "timeZone": "Etc/UTC", "duration": "1h"}


def changed(**fields: Any) -> Observed:
    """A window at noon of each day, with what the fields change of its occurrences."""
    seen = observed(**AT_NOON)
    assert seen.window is not None
    return replace(seen, window=replace(seen.window, **fields))


@pytest.mark.parametrize(
    ("fields", "current", "following", "edge"),
    [
        ({}, (NOON, ONE), "2026-06-02T12:00Z", ONE),
        (
            {"overrides": (Override(at(NOON), end=at("2026-06-01T12:45Z")),)},
            (NOON, "2026-06-01T12:45Z"),
            "2026-06-02T12:00Z",
            "2026-06-01T12:45Z",
        ),
        (
            {"overrides": (Override(at(NOON), start=at("2026-06-01T18:00Z")),)},
            None,
            "2026-06-01T18:00Z",
            "2026-06-01T18:00Z",
        ),
        ({"ended_at": at("2026-06-01T12:30Z")}, None, "2026-06-02T12:00Z", "2026-06-02T12:00Z"),
        (
            {"exclusions": (Exclusion(at("2026-06-01T12:20Z"), at("2026-06-01T12:40Z")),)},
            None,
            "2026-06-01T12:40Z",
            "2026-06-01T12:40Z",
        ),
    ],
    ids=["nothing", "override end", "override start", "endedAt", "exclusion"],
)
def test_the_status_follows_what_changes_the_occurrences(
    fields: dict[str, Any], current: tuple[str, str] | None, following: str, edge: str
) -> None:
    now = at("2026-06-01T12:30Z")
    seen = changed(**fields)
    status = desired_status(seen, Fate.PLANNED, now)
    shown = status.get("current")
    assert (shown and (at(shown["start"]), at(shown["end"]))) == (
        current and (at(current[0]), at(current[1]))
    )
    assert at(status["next"]["start"]) == at(following)
    assert next_edge(seen, now) == at(edge)


@pytest.mark.parametrize(
    ("now", "spec", "last"),
    [
        (NOON, LUNCH, None),
        (ONE, LUNCH, {"start": "2026-06-01T12:00:00Z", "end": "2026-06-01T13:00:00Z"}),
        (ONE, {**LUNCH, "suspend": True}, None),
        (
            "2026-06-01T00:30Z",
            NIGHTLY,
            {"start": "2026-05-31T00:00:00Z", "end": "2026-05-31T02:00:00Z"},
        ),
        (
            "2026-06-01T00:30Z",
            {**NIGHTLY, "schedule": "0 2 29 2 *", "endedAt": "2024-02-29T01:30:00Z"},
            {"start": "2024-02-29T01:00:00Z", "end": "2024-02-29T01:30:00Z"},
        ),
        (
            NOON,
            {"start": "1970-01-01T00:00:00Z", "duration": "1s"},
            {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:01Z"},
        ),
    ],
    ids=["open", "over", "suspended", "recurring", "rare, and ended", "long ago"],
)
def test_the_status_has_the_occurrence_that_ended_last(
    now: str, spec: dict[str, Any], last: dict[str, str] | None
) -> None:
    assert status_at(now, **spec).get("last") == last


@pytest.mark.parametrize(
    ("now", "spec", "expired"),
    [
        ("2026-06-01T13:00:09Z", {}, False),
        ("2026-06-01T13:00:10Z", {}, True),
        ("2026-06-01T13:00:10Z", {"suspend": True}, False),
        ("2026-06-01T13:00:10Z", {"ttlSecondsAfterFinished": None}, False),
        ("2026-06-01T12:30:10Z", {"endedAt": "2026-06-01T12:30:00Z"}, True),
        (
            "2026-06-01T12:00:09Z",
            {"overrides": [{"occurrence": "2026-06-01T12:00:00Z", "skip": True}]},
            False,
        ),
        (
            "2026-06-01T12:00:10Z",
            {"overrides": [{"occurrence": "2026-06-01T12:00:00Z", "skip": True}]},
            True,
        ),
        ("2026-07-01T12:00:10Z", {"duration": None}, False),
        ("2026-06-01T13:00:10Z", {"mode": "Half"}, False),
    ],
)
def test_a_window_expires_some_time_after_it_has_finished(
    now: str, spec: dict[str, Any], expired: bool
) -> None:
    seen = observed(**{**LUNCH, "ttlSecondsAfterFinished": 10, **spec})
    assert has_expired(seen, at(now)) is expired


def test_the_end_of_its_time_is_an_edge_too() -> None:
    seen = observed(**LUNCH, ttlSecondsAfterFinished=10)
    assert next_edge(seen, at(ONE)) == at("2026-06-01T13:00:10Z")
