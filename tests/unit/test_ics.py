"""The calendar's text: folded, escaped, and only what is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from icalendar import Calendar

from fastapi_maintenance.windows import Response
from fastapi_maintenance.windows.ics import calendar_text
from tests.unit.making import at, fixed, recurring, window

BEGIN = at("2026-06-01T00:00Z")
UNTIL = BEGIN + timedelta(days=7)


def events(text: str) -> list[Any]:
    """As another library reads them."""
    return list(Calendar.from_ical(text).walk("VEVENT"))


def test_lines_are_folded_between_characters_and_read_back_whole() -> None:
    """75 octets (RFC 5545, 3.1), however many a character has."""
    message = "Wir sind gleich zurück; Geduld, bitte \\ danke 🎉\nzweite Zeile\x07 " * 5
    item = window(fixed(("2026-06-02T00:00Z", None)), response=Response(message=message))
    text = calendar_text([item], BEGIN, UNTIL, BEGIN)
    assert text.endswith("END:VCALENDAR\r\n")
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    (event,) = events(text)
    assert str(event["DESCRIPTION"]) == f"shop/w\n{message}".replace("\x07", "")
    assert str(event["SUMMARY"]) == "Maintenance: all apps (no planned end)"
    assert event["DTEND"].dt == UNTIL


def test_suspended_windows_and_what_is_over_are_left_out() -> None:
    over = window(fixed(("2026-05-01T00:00Z", "2026-05-02T00:00Z")), name="over")
    idle = window(recurring("0 2 * * *"), name="idle", suspend=True)
    daily = window(recurring("0 2 * * *"), name="daily")
    found = events(calendar_text([over, idle, daily], BEGIN, UNTIL, BEGIN))
    assert {str(event["DESCRIPTION"]) for event in found} == {"shop/daily"}
    assert len(found) == 7


def test_a_minutely_schedule_has_an_end() -> None:
    dense = window(recurring("* * * * *", seconds=10))
    assert calendar_text([dense], BEGIN, UNTIL, BEGIN).count("BEGIN:VEVENT") == 500
