"""Windows as an iCalendar: what a calendar that subscribes to them reads."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from fastapi_maintenance.windows import (
    Response,
    Window,
    make_calendar,
    occurrence_at,
    parse_manifest,
)
from fastapi_maintenance.windows.calendar import MOST_EVENTS, MOST_OF_ALL
from tests.decisions import random_manifest
from tests.unit.making import at, fixed, parsed, recurring, window

NOW = at("2026-03-27T15:30Z")
NIGHTLY: dict[str, Any] = {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "duration": "1h"}


def events(*windows: Window, now: datetime = NOW, days: float = 7, **how: Any) -> list[Any]:
    """The events of a calendar, as the library reads them."""
    text = make_calendar(windows, now, timedelta(days=days), **how)
    return list(Calendar.from_ical(text).walk("VEVENT"))


def times(found: list[Any]) -> list[tuple[datetime, datetime]]:
    return [(event.decoded("DTSTART"), event.decoded("DTEND")) for event in found]


def uids(found: list[Any]) -> list[str]:
    return [str(event["UID"]) for event in found]


def test_each_occurrence_is_an_event_of_its_own_in_utc() -> None:
    found = times(events(parsed(**NIGHTLY), days=4))
    assert [f"{start:%d %H:%M}" for start, _ in found] == [
        "28 01:30",
        "29 01:00",  # the clocks jump from 2 to 3: at the first instant after the gap
        "30 00:30",
        "31 00:30",
    ]
    assert {end - start for start, end in found} == {timedelta(hours=1)}


def test_what_is_open_is_in_the_calendar_and_what_is_over_or_suspended_is_not() -> None:
    hour = timedelta(hours=1)
    stretches = [(str(NOW + n * hour), str(NOW + (n + 1) * hour)) for n in (-2, -0.5, 3)]
    given = window(fixed(*stretches))
    assert [start for start, _ in times(events(given))] == [NOW - 0.5 * hour, NOW + 3 * hour]
    assert not events(parsed(**NIGHTLY, suspend=True))


def test_a_calendar_without_events_is_a_calendar() -> None:
    assert Calendar.from_ical(make_calendar([], NOW))["VERSION"] == "2.0"


def test_every_event_has_what_rfc_5545_requires() -> None:
    event = events(parsed("db", **NIGHTLY, apps=["orders", "payments"]))[0]
    assert event.decoded("DTSTAMP") == NOW
    assert event["SUMMARY"] == "Maintenance: orders, payments"
    assert event["LOCATION"] == "shop"
    assert event["TRANSP"] == "TRANSPARENT"


def test_who_reads_along_sees_no_description_or_reason_unless_notes_are_asked_for() -> None:
    start, end = "2026-03-28T01:30:00Z", "2026-03-28T03:00:00Z"
    given = parsed(
        **NIGHTLY,
        description="TICKET-1",
        response={"message": "Back soon"},
        overrides=[{"occurrence": start, "end": end, "reason": "OPS-2"}],
    )
    plain, noted = (make_calendar([given], NOW, timedelta(days=2), notes=n) for n in (False, True))
    assert "Back soon" in plain
    assert "TICKET-1" not in plain
    assert "OPS-2" not in plain
    assert "TICKET-1" in noted
    assert "OPS-2" in noted


def test_who_gets_through_is_told_to_nobody() -> None:
    secrets = {"paths": ["/secret-door"], "tokens": [{"name": "alice", "sha256": "ab" * 32}]}
    text = make_calendar([parsed(**NIGHTLY, allow=secrets)], NOW, notes=True)
    assert not [word for word in ("secret-door", "alice", "abab") if word in text]


def test_an_event_keeps_its_uid_when_its_occurrence_is_postponed_extended_or_ended() -> None:
    start, later = "2026-03-28T01:30:00Z", "2026-03-28T05:00:00Z"
    usual = uids(events(parsed(**NIGHTLY), days=2))
    for change in ({"start": later}, {"end": later}):
        moved = parsed(**NIGHTLY, overrides=[{"occurrence": start, **change}])
        assert uids(events(moved, days=2)) == usual
    ended = parsed(**NIGHTLY, endedAt="2026-03-28T02:00:00Z")
    assert uids(events(ended, days=2)) == usual


def test_the_pieces_that_an_exclusion_leaves_have_uids_of_their_own() -> None:
    cut = {"start": "2026-03-28T01:45:00Z", "end": "2026-03-28T02:00:00Z"}
    found = events(parsed(**NIGHTLY, exclusions=[cut]), days=1)
    assert [f"{a:%H:%M}-{b:%H:%M}" for a, b in times(found)] == ["01:30-01:45", "02:00-02:30"]
    assert len(set(uids(found))) == 2
    # The second piece is the same event while only it is left.
    later = events(parsed(**NIGHTLY, exclusions=[cut]), now=at("2026-03-28T01:50Z"), days=0.5)
    assert uids(later) == uids(found)[1:]


def test_windows_of_one_name_in_two_clusters_have_other_uids() -> None:
    one, two = (window(recurring("0 2 * * *"), uid=uid) for uid in ("uid-1", "uid-2"))
    assert not set(uids(events(one))) & set(uids(events(two)))


def test_what_has_no_end_lasts_to_the_horizon_and_says_so() -> None:
    event = events(window(fixed(("2026-01-01T00:00Z", None))), days=1)[0]
    assert event.decoded("DTEND") == NOW + timedelta(days=1)
    assert event["SUMMARY"] == "Maintenance: all apps (no planned end)"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00.5Z", "0999-12-31T23:59:59.9Z"])
def test_an_event_ends_after_it_starts_however_short_or_early(moment: str) -> None:
    start = at(moment)
    found = times(
        events(window(fixed((moment, str(start + timedelta(milliseconds=1))))), now=start)
    )
    assert all(begin < end for begin, end in found)
    assert len(found) == 1


def test_a_window_that_opens_each_minute_does_not_fill_the_calendar() -> None:
    given = window(recurring("* * * * *", seconds=30))
    assert len(events(given)) == MOST_EVENTS


def test_of_many_windows_the_earliest_events_are_told_and_that_there_are_more() -> None:
    many = [window(recurring(f"{n} * * * *", seconds=9), name=f"w{n}") for n in range(30)]
    assert len(events(*many)) == MOST_OF_ALL
    found = times(events(*many))
    assert found == sorted(found)
    assert "there are more" in make_calendar(many, NOW)
    assert "there are more" not in make_calendar(many[:1], NOW)


HOSTILE = "a;b,c\\d\r\nEND:VCALENDAR\nBEGIN:VEVENT\u2028 \x00\x0b\x7f\ud800 \N{SAUROPOD}" + "ü" * 99


def test_no_text_ends_its_line_or_the_calendar() -> None:
    given = window(recurring("0 2 * * *"), response=Response(HOSTILE))
    text = make_calendar([given], NOW, title=HOSTILE)
    calendar = Calendar.from_ical(text)
    assert len(calendar.walk("VEVENT")) == 90
    said = str(calendar.walk("VEVENT")[0]["DESCRIPTION"])
    assert said.endswith(HOSTILE.replace("\r", "").translate(dict.fromkeys([0, 11, 127, 0xD800])))
    assert text.count("END:VCALENDAR\r\n") == 1


@given(st.text(max_size=300))
def test_whatever_a_message_says_lines_are_short_and_read_back(message: str) -> None:
    text = make_calendar(
        [window(recurring("0 2 * * *"), response=Response(message))], NOW, timedelta(days=1)
    )
    lines = text.split("\r\n")
    assert lines.pop() == ""
    assert max(len(line.encode()) for line in lines) <= 75
    assert len(Calendar.from_ical(text).walk("VEVENT")) == 1


def test_random_windows_are_open_when_they_have_an_event_and_at_no_other_time() -> None:
    random, compared = Random(9), 0
    for _ in range(200):
        given = parse_manifest(random_manifest(random, "shop", "w", NOW))
        spans = [] if given.suspend else times(events(given, days=3))
        minutes = (NOW + timedelta(minutes=random.randrange(3 * 1440)) for _ in range(20))
        for minute in minutes:
            is_open = not given.suspend and occurrence_at(given, minute) is not None
            assert any(a <= minute < b for a, b in spans) is is_open, (given, minute)
            compared += is_open
    assert compared > 100
