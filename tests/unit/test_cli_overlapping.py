"""What `schedule` says of a window that never closes, or opens while another is open."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.cli._overlapping import first_overlap, never_closes
from fastapi_maintenance.windows import Window, parse_manifest
from tests.unit.commanded import call
from tests.unit.making import at, manifest

NOW = at("2026-06-01T00:00Z")


def daily(cron: str, duration: str, **spec: Any) -> Window:
    given = {"schedule": cron, "duration": duration, "timeZone": "Etc/UTC", **spec}
    return parse_manifest(manifest("daily", **given))


@pytest.mark.parametrize(
    ("cron", "duration", "never"),
    [
        ("0 * * * *", "1h", True),
        ("0 * * * *", "2h", True),
        ("* * * * *", "1m", True),
        ("0 0 1 * *", "800h", True),
        ("0 * * * *", "59m", False),
        ("* * * * 1-5", "1m", False),
        ("*/5 2 * * *", "1h", False),
        ("0 0 1 * *", "720h", False),
        ("0 0 29 2 *", "1h", False),
    ],
)
def test_one_never_closes_where_each_occurrence_opens_before_the_last_has_ended(
    cron: str, duration: str, never: bool
) -> None:
    assert never_closes(daily(cron, duration), NOW) is never


@pytest.mark.parametrize(
    ("other", "first"),
    [
        (daily("30 3 * * *", "1h"), "2026-06-01T03:30Z"),
        (daily("0 1 * * sun", "90m"), "2026-06-07T02:00Z"),
        (daily("0 4 * * *", "1h"), None),
        (daily("0 1 * * *", "1h"), None),
        (daily("0 2 * * *", "1h", apps=["billing"]), None),
        (daily("0 2 * * *", "1h", apps=["ord*"]), "2026-06-01T02:00Z"),
        (daily("0 2 * * *", "1h", suspend=True), None),
    ],
)
def test_two_overlap_where_both_are_open_for_an_app(other: Window, first: str | None) -> None:
    own = daily("0 2 * * *", "2h", apps=["orders"])
    assert first_overlap(own, other, NOW) == (at(first) if first else None)
    assert first_overlap(other, own, NOW) == (at(first) if first else None)


def test_what_is_scheduled_so_is_told_of_and_printed_all_the_same() -> None:
    words = ["--cron", "0 * * * *", "--duration", "1h", "--tz", "Etc/UTC", "--dry-run", "client"]
    said = call(["schedule", "hourly", "orders", *words])
    note = "note: it never closes: --cron opens it again before --duration has passed"
    assert note in said.err.splitlines()
    assert "kind: MaintenanceWindow" in said.out
