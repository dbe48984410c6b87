"""What a window means, told as data: it agrees with what is decided."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from fastapi_maintenance.windows import (
    InvalidWindow,
    Mode,
    Occurrence,
    applies_to,
    next_occurrence,
    occurrence_at,
    parse_manifest,
    state_at,
)
from fastapi_maintenance.windows.explain import Asked, Cause, Effect, Explanation, Told, explain
from tests.decisions import REQUESTS, TOKEN_HASH, random_manifest
from tests.unit.gated import shop
from tests.unit.making import Held, at, manifest, parsed

NOW = at("2026-03-27T15:30Z")
NIGHTLY: dict[str, Any] = {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "duration": "1h"}


def told(text: str = "2026-06-01T00:00Z", occurrences: int = 3, **spec: Any) -> Explanation:
    return explain(parsed(**spec), at(text), occurrences=occurrences)


def pieces(found: tuple[Told, ...]) -> list[str]:
    """The starts of what takes place, day and time of UTC."""
    return [f"{each.piece.start:%d %H:%M}" for each in found if each.piece]


def causes(each: Told) -> list[tuple[Cause, str]]:
    return [(change.cause, change.field) for change in each.changes]


def test_an_invalid_manifest_is_explained_by_its_error() -> None:
    found = explain(manifest(mood="Full"), NOW)
    assert found.window is None
    assert isinstance(found.error, InvalidWindow)
    assert (found.error.field, found.error.problem, found.error.mend) == (
        "spec.mood",
        "unknown field",
        "did you mean 'mode'?",
    )


def test_a_window_that_is_over_has_a_last_occurrence_and_one_to_come_has_not() -> None:
    """Also where it was ended, and where nothing of it ever took place."""
    once: dict[str, Any] = {"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T12:00:00Z"}
    assert not told("2026-03-01T09:00Z", **once).is_over
    assert not told("2026-03-01T11:00Z", **once).is_over
    over = told("2026-03-01T12:00Z", endedAt="2026-03-01T11:00:00Z", **once)
    assert over.is_over
    assert over.last is not None
    assert over.last.piece == Occurrence(at("2026-03-01T10:00Z"), at("2026-03-01T11:00Z"))
    assert causes(over.last) == [(Cause.ENDED, "spec.endedAt")]
    skipped = [{"occurrence": once["start"], "skip": True}]
    never = told("2026-03-01T09:00Z", overrides=skipped, **once)
    assert (never.is_over, never.last) == (True, None)
    assert not told("2026-03-01T09:00Z", occurrences=0, start=None, **NIGHTLY).is_over
    assert not told("2026-03-01T12:00Z", suspend=True, **once).is_over


def test_a_window_and_its_manifest_are_explained_alike() -> None:
    assert explain(manifest(**NIGHTLY), NOW) == explain(parsed(**NIGHTLY), NOW)


def test_what_is_open_and_what_comes_next_is_told() -> None:
    found = told("2026-06-01T00:45Z", **NIGHTLY)
    assert found.current is not None
    assert found.current.piece == Occurrence(at("2026-06-01T00:30Z"), at("2026-06-01T01:30Z"))
    assert found.current.changes == ()
    assert pieces(found.following) == ["02 00:30", "03 00:30", "04 00:30"]


def test_instants_can_be_shown_where_people_are() -> None:
    found = told(**NIGHTLY)
    assert found.zone == "Europe/Berlin"
    assert found.local(at("2026-06-01T00:30Z")).isoformat() == "2026-06-01T02:30:00+02:00"
    assert told().zone == "Etc/UTC"
    assert explain(parsed(), NOW, zone="Asia/Tokyo").zone == "Asia/Tokyo"
    with pytest.raises(InvalidWindow, match="time zone"):
        explain(parsed(), NOW, zone="Asia/Kyoto")


def test_each_change_is_told_with_its_field_and_its_reason() -> None:
    overrides = [
        {"occurrence": "2026-06-02T00:30:00Z", "skip": True, "reason": "holiday"},
        {"occurrence": "2026-06-03T00:30:00Z", "start": "2026-06-04T12:00:00Z"},
        {"occurrence": "2026-06-05T00:30:00Z", "end": "2026-06-05T05:00:00Z"},
        {"occurrence": "2026-06-05T00:31:00Z", "skip": True},
    ]
    cut = {"start": "2026-06-05T02:00:00Z", "end": "2026-06-05T03:00:00Z", "reason": "the audit"}
    found = told(occurrences=5, **NIGHTLY, overrides=overrides, exclusions=[cut])
    assert pieces(found.following) == ["01 00:30", "04 00:30", "04 12:00", "05 00:30", "05 03:00"]
    assert [causes(each) for each in found.following] == [
        [],
        [],
        [(Cause.MOVED, "spec.overrides[1]")],
        *[[(Cause.EXTENDED, "spec.overrides[2]"), (Cause.CUT, "spec.exclusions[0]")]] * 2,
    ]
    assert found.following[2].original.start == at("2026-06-03T00:30Z")
    (skipped,) = found.not_taking_place
    assert causes(skipped) == [(Cause.SKIPPED, "spec.overrides[0]")]
    assert skipped.changes[0].reason == "holiday"
    (removed,) = found.removed
    assert (removed.field, removed.reason) == ("spec.exclusions[0]", "the audit")
    assert removed.stretches == (Occurrence(at(cut["start"]), at(cut["end"])),)
    assert [field for field, _ in found.without_effect] == ["spec.overrides[3]"]


def test_what_was_ended_is_told_as_what_would_be_open() -> None:
    found = told("2026-06-01T01:00Z", **NIGHTLY, endedAt="2026-06-01T00:30:00Z")
    assert found.current is None
    (ended,) = found.not_taking_place
    assert causes(ended) == [(Cause.ENDED, "spec.endedAt")]
    later = told("2026-06-01T00:40Z", **NIGHTLY, endedAt="2026-06-01T01:00:00Z")
    assert later.current is not None
    assert causes(later.current) == [(Cause.ENDED, "spec.endedAt")]


def test_exclusions_that_cover_years_are_told_of_without_end() -> None:
    """A minutely schedule: neither are all its occurrences looked at, nor is nothing said."""
    cut = [{"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}]
    minutely: dict[str, Any] = {"schedule": "* * * * *", "timeZone": "Etc/UTC", "duration": "9600h"}
    found = told(**minutely, exclusions=cut)
    assert found.current is None
    assert found.following[0].piece is not None
    assert found.following[0].piece.start == at("2027-01-01T00:00Z")
    assert (
        len(
            told(
                schedule="* * * * *", timeZone="Etc/UTC", duration="1m", exclusions=cut
            ).not_taking_place
        )
        == 3
    )


@pytest.mark.parametrize(
    ("schedule", "day", "effect", "times", "starts"),
    [
        ("30 2 * * *", "2026-03-29", Effect.MOVED, ["02:30"], ["01:00"]),
        ("15,30 2 * * *", "2026-03-29", Effect.MOVED, ["02:15", "02:30"], ["01:00"]),
        ("*/30 2 * * *", "2026-03-29", Effect.LEFT_OUT, ["02:00", "02:30"], []),
        ("30 2 * * *", "2026-10-25", Effect.FIRST_OF_TWO, ["02:30"], ["00:30"]),
        (
            "*/30 2 * * *",
            "2026-10-25",
            Effect.TWICE,
            ["02:00", "02:30"],
            ["00:00", "00:30", "01:00", "01:30"],
        ),
    ],
)
def test_what_the_clocks_do_is_told_in_local_times(
    schedule: str, day: str, effect: Effect, times: list[str], starts: list[str]
) -> None:
    noon_before = at(f"{day}T12:00Z") - timedelta(days=1)
    spec = {**NIGHTLY, "schedule": schedule}
    found = explain(parsed(**spec), noon_before - timedelta(days=1), occurrences=9)
    (change,) = found.clock_changes
    assert change.effect is effect
    assert abs(change.by) == timedelta(hours=1)
    assert change.at == at(f"{day}T01:00Z")
    assert [f"{time:%H:%M}" for time in change.times] == times
    assert [f"{start:%H:%M}" for start in change.starts] == starts
    concerned = [each for each in found.following if found.clock_change_of(each)]
    assert [each.original.start for each in concerned] == list(change.starts)


def test_clocks_that_jump_at_other_times_are_not_told_of() -> None:
    spec = {**NIGHTLY, "schedule": "30 4 * * *"}
    assert explain(parsed(**spec), at("2026-03-27T00:00Z"), occurrences=400).clock_changes == ()


SPEC: dict[str, Any] = {
    "apps": ["orders"],
    "start": "2026-06-01T00:00:00Z",
    "end": "2026-06-02T00:00:00Z",
    "match": {"paths": ["/orders*"], "methods": ["POST", "GET"], "dependencies": ["orders-db"]},
    "allow": {
        "paths": ["/orders/a", "/orders/status"],
        "cidrs": ["192.0.2.0/24", "10.0.0.0/8"],
        "tokens": [{"name": "anna", "sha256": TOKEN_HASH}],
    },
}
USUAL: dict[str, Any] = {
    "method": "POST", "path": "/orders", "dependencies": frozenset({"orders-db"})
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "asked", "refused", "field"),
    [
        ({}, {}, True, "spec.mode"),
        ({"mode": "ReadOnly"}, {}, True, "spec.mode"),
        ({"suspend": True}, {}, False, "spec.suspend"),
        ({"apps": ["stock", "bill*"]}, {}, False, "spec.apps"),
        ({"end": "2026-06-01T00:01:00Z"}, {}, False, "spec"),
        ({"mode": "ReadOnly"}, {"method": "GET"}, False, "spec.mode"),
        ({}, {"path": "/"}, False, "spec.match.paths"),
        ({}, {"method": "PUT"}, False, "spec.match.methods"),
        ({}, {"dependencies": frozenset({"mail"})}, False, "spec.match.dependencies"),
        ({}, {"path": "/orders/status"}, False, "spec.allow.paths[1]"),
        ({}, {"address": "10.1.2.3"}, False, "spec.allow.cidrs[1]"),
        ({}, {"address": "11.1.2.3"}, True, "spec.mode"),
        ({}, {"token_hash": TOKEN_HASH.upper()}, False, "spec.allow.tokens[0]"),
        ({}, {"token_hash": "0" * 64}, True, "spec.mode"),
    ],
)
def test_a_request_is_refused_or_not_by_a_rule_that_is_named(
    changes: dict[str, Any], asked: dict[str, Any], refused: bool, field: str
) -> None:
    window = parsed(**{**SPEC, **changes})
    request = Asked(**{**USUAL, **asked})
    verdict = explain(window, at("2026-06-01T12:00Z"), app="orders", request=request).verdict
    assert verdict is not None
    assert (verdict.refused, verdict.field) == (refused, field)
    assert verdict.why


def test_without_an_app_nobody_asks_for_whom_a_window_is() -> None:
    verdict = explain(parsed(apps=["stock"]), NOW, request=Asked()).verdict
    assert verdict is not None
    assert verdict.refused


@pytest.mark.parametrize(("minutes", "announced"), [(61, False), (60, True), (1, True), (0, False)])
def test_what_is_announced_is_told(minutes: int, announced: bool) -> None:
    start = at("2026-06-02T00:00Z")
    window = parsed(start="2026-06-02T00:00:00Z", announceBefore="1h")
    found = explain(window, start - timedelta(minutes=minutes))
    assert found.announcement == (Occurrence(start) if announced else None)


def test_of_a_suspended_window_nothing_is_announced_or_opened() -> None:
    found = told(**NIGHTLY, suspend=True, announceBefore="720h")
    assert (found.current, found.following, found.announcement) == (None, (), None)


@given(st.randoms(use_true_random=False), st.integers(-20 * 86_400, 20 * 86_400))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_told_is_what_is_decided(random: Random, seconds: int) -> None:
    window = parse_manifest(random_manifest(random, "shop", "w", NOW))
    instant = NOW + timedelta(seconds=seconds)
    state = state_at([window], "orders", instant)
    for request in REQUESTS:
        verdict = explain(window, instant, app="orders", occurrences=0, request=request).verdict
        assert verdict is not None
        assert verdict.refused == (state.refusal(request) is not None)
    if window.suspend:
        return
    found = explain(window, instant, occurrences=4)
    assert (found.current and found.current.piece) == occurrence_at(window, instant)
    following: list[Occurrence] = []
    after = instant
    while len(following) < 4 and (piece := next_occurrence(window, after)) is not None:
        following.append(piece)
        after = piece.start
    assert [each.piece for each in found.following] == following
    check_origins(found, instant)
    announced = {state.announcement(request) for request in REQUESTS} - {None}
    assert {(a.start, a.end) for a in announced if a} <= {
        (a.start, a.end) for a in [found.announcement] if a
    }
    is_for_all = window.for_all and window.mode is Mode.FULL and applies_to(window, "orders")
    if is_for_all and not found.current:
        assert bool(announced) == bool(found.announcement)


def check_origins(found: Explanation, instant: datetime) -> None:
    """Each piece lies in what it is said to come from, unless an override is said to move it."""
    for each in filter(None, [found.current, *found.following]):
        assert each.piece is not None
        moved = {change.cause for change in each.changes} & {Cause.MOVED, Cause.EXTENDED}
        lies_within = each.original.start <= each.piece.start and (
            each.original.end is None
            or (each.piece.end is not None and each.piece.end <= each.original.end)
        )
        assert moved or lies_within
        assert each.changes or each.piece == each.original
    for each in found.not_taking_place:
        assert each.changes
        assert each.original.end is None or each.original.end > instant


@pytest.mark.parametrize(
    ("schedule", "never"),
    [
        ("0 0 LW * */6", True),
        ("0 0 */30 * FRI#2", True),
        ("0 0 29 2 *", False),
        ("0 0 31 * *", False),
    ],
)
@pytest.mark.parametrize("suspend", [False, True])
def test_a_schedule_that_no_day_fits_is_told_to_never_open(
    schedule: str, never: bool, suspend: bool
) -> None:
    """The last working day is no Saturday: cron takes it, and the API server too."""
    found = told(schedule=schedule, timeZone="Etc/UTC", duration="1h", suspend=suspend)
    assert found.never_opens is never


def test_a_window_that_is_over_has_opened() -> None:
    assert told(end="2026-01-02T00:00:00Z").never_opens is False


ADDRESSES = [
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "10.1.2.3:80",
    "[::ffff:10.1.2.3]:80",
    " 10.1.2.3 ",
    "192.0.2.1",
    "2001:db8::1",
    "[2001:db8::1]:80",
    "fe80::1%eth0",
    "unix:",
    "testclient",
    "",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_understood_as_the_gate_understands_it(address: str) -> None:
    """In IPv6 clothes, with a port, and where it is none."""
    given_window = parsed(allow={"cidrs": ["10.0.0.0/8", "2001:db8::/32"]})
    now = at("2026-06-01T00:00Z")
    app = shop(backend=Held(state_at([given_window], None, now)))
    answer = TestClient(app, client=(address, 1)).get("/orders")
    found = explain(given_window, now, request=Asked(address=address)).verdict
    assert found is not None
    assert found.refused is (answer.status_code == 503)
