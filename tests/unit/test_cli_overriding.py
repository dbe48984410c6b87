"""Changes of one occurrence: which override they come to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fastapi_maintenance.cli._failures import Failure
from fastapi_maintenance.cli._overriding import extended, postponed, skipped
from fastapi_maintenance.cli._times import time_of
from fastapi_maintenance.windows import next_occurrence, occurrence_at, parse_manifest
from tests.unit.making import at, manifest

DAILY = {"schedule": "0 2 * * *", "duration": "2h", "timeZone": "Etc/UTC"}
HOUR = timedelta(hours=1)


def spec_of(**spec: Any) -> dict[str, Any]:
    return dict(manifest("daily", **spec)["spec"])


def opened(spec: dict[str, Any], overrides: list[dict[str, Any]]) -> Any:
    """The window with these overrides, which must be valid."""
    return parse_manifest(manifest("daily", **{**spec, "overrides": overrides}))


def test_an_extension_of_what_was_postponed_counts_from_the_later_end() -> None:
    spec, now = spec_of(**DAILY), at("2026-06-01T00:00Z")
    overrides, planned = postponed(spec, window(spec), now, HOUR)
    assert planned.start == at("2026-06-01T02:00Z")
    spec["overrides"] = overrides
    later = at("2026-06-01T03:30Z")
    overrides = extended(spec, window(spec), later, HOUR)
    found = occurrence_at(opened(spec, overrides), later)
    assert found is not None
    assert (found.start, found.end) == (at("2026-06-01T03:00Z"), at("2026-06-01T06:00Z"))


def window(spec: dict[str, Any]) -> Any:
    return parse_manifest(manifest("daily", **spec))


def test_what_is_extended_and_then_postponed_moves_as_a_whole() -> None:
    """An override with an end of its own keeps its length."""
    override = {"occurrence": "2026-06-01T02:00:00Z", "end": "2026-06-01T05:00:00Z"}
    spec, now = spec_of(**DAILY, overrides=[override]), at("2026-06-01T00:00Z")
    overrides, _ = postponed(spec, window(spec), now, HOUR)
    found = next_occurrence(opened(spec, overrides), now)
    assert found is not None
    assert (found.start, found.end) == (at("2026-06-01T03:00Z"), at("2026-06-01T06:00Z"))


def test_a_skip_takes_the_place_of_another_change() -> None:
    override = {"occurrence": "2026-06-01T02:00:00Z", "end": "2026-06-01T05:00:00Z"}
    spec, now = spec_of(**DAILY, overrides=[override]), at("2026-06-01T00:00Z")
    overrides, _ = skipped(spec, window(spec), now, None)
    assert overrides == [{"occurrence": "2026-06-01T02:00:00Z", "skip": True}]
    found = next_occurrence(opened(spec, overrides), now)
    assert found is not None
    assert found.start == at("2026-06-02T02:00Z")


@pytest.mark.parametrize("now", ["2026-06-01T00:00Z", "2026-06-01T03:00Z"])
def test_who_asks_twice_skips_one_occurrence(now: str) -> None:
    """Not the one after it, while what was skipped is still to come or would be open."""
    spec = spec_of(**DAILY)
    spec["overrides"], _ = skipped(spec, window(spec), at("2026-06-01T00:00Z"), None)
    with pytest.raises(Failure, match="of 2026-06-01T02:00:00Z is skipped already") as failed:
        skipped(spec, window(spec), at(now), None)
    assert failed.value.mend == (
        "skip another: --occurrence 2026-06-02T02:00:00Z; "
        "undo it: remove spec.overrides[0] by kubectl edit maintenancewindow daily -n shop"
    )


def test_one_that_is_named_is_skipped_whatever_else_is() -> None:
    """Twice is once."""
    spec, now = spec_of(**DAILY), at("2026-06-01T00:00Z")
    spec["overrides"], _ = skipped(spec, window(spec), now, None)
    second = at("2026-06-02T02:00Z")
    spec["overrides"], _ = skipped(spec, window(spec), now, second)
    again, _ = skipped(spec, window(spec), now, second)
    assert again == spec["overrides"]
    assert len(again) == 2


@pytest.mark.parametrize(
    ("typed", "reader"),
    [
        ("2026-12-13T03:00", "America/New_York"),  # as the window has it
        ("2026-12-12T21:00", "America/New_York"),  # as the machine has it
        ("2026-12-13T02:00", "Etc/UTC"),
        ("2026-12-13T02:00Z", "America/New_York"),
        ("2026-12-13T04:00+02:00", "America/New_York"),
    ],
)
def test_a_local_time_is_of_the_windows_clock_if_that_fits_else_of_the_machines(
    typed: str, reader: str, reader_in: Callable[[str], None]
) -> None:
    reader_in(reader)
    spec = spec_of(schedule="0 3 * * sun", duration="2h", timeZone="Europe/Berlin")
    which = time_of(typed, "--occurrence")
    _, planned = skipped(spec, window(spec), at("2026-12-01T00:00Z"), which)
    assert planned.start == at("2026-12-13T02:00Z")


def test_a_time_at_which_nothing_starts_is_told_with_those_that_do_on_both_clocks(
    reader_in: Callable[[str], None],
) -> None:
    reader_in("America/New_York")
    spec = spec_of(schedule="0 3 * * sun", duration="2h", timeZone="Europe/Berlin")
    with pytest.raises(Failure) as failed:
        skipped(
            spec,
            window(spec),
            at("2026-12-01T00:00Z"),
            time_of("2026-12-13T02:00", "--occurrence"),
        )
    whose = "2026-12-13T02:00:00, neither in Europe/Berlin nor on the clock of this machine"
    assert failed.value.problem == f'"daily" has no occurrence that starts at {whose}'
    first, *_, last = failed.value.mend.splitlines()
    both = "Sun 06 Dec 2026 03:00:00 CET = Sat 05 Dec 2026 21:00:00 EST"
    assert first == f"{both}: --occurrence 2026-12-06T02:00:00Z"
    assert last == "  those to come: fastapi-maintenance explain daily -n shop"


def test_a_skip_that_is_over_or_later_than_the_next_hinders_no_other() -> None:
    for day in ("2026-05-31", "2026-06-05"):
        override = {"occurrence": f"{day}T02:00:00Z", "skip": True}
        spec = spec_of(**DAILY, overrides=[override])
        _, planned = skipped(spec, window(spec), at("2026-06-01T00:00Z"), None)
        assert planned.start == at("2026-06-01T02:00Z")


def test_the_only_one_that_is_skipped_already_is_named() -> None:
    spec, now = spec_of(start="2026-06-02T00:00:00Z", duration="1h"), at("2026-06-01T00:00Z")
    spec["overrides"], _ = skipped(spec, window(spec), now, None)
    with pytest.raises(Failure, match="of 2026-06-02T00:00:00Z is skipped already") as failed:
        skipped(spec, window(spec), now, None)
    assert failed.value.mend.startswith("undo it: remove spec.overrides[0] by ")


def test_what_an_exclusion_or_endedat_ends_is_not_extended_by_an_override() -> None:
    cut = {"start": "2026-06-01T03:00:00Z", "end": "2026-06-01T03:30:00Z"}
    for more in ({"exclusions": [cut]}, {"endedAt": "2026-06-01T03:00:00Z"}):
        spec = spec_of(**DAILY, **more)
        with pytest.raises(Failure, match=r"ends by spec\."):
            extended(spec, window(spec), at("2026-06-01T02:30Z"), HOUR)


def test_what_is_to_come_is_not_extended_but_postponed_or_skipped() -> None:
    spec = spec_of(**DAILY)
    with pytest.raises(Failure, match="is not open") as failed:
        extended(spec, window(spec), at("2026-06-01T00:00Z"), HOUR)
    assert "fastapi-maintenance postpone daily -n shop --by 1h; " in failed.value.mend
    assert failed.value.mend.endswith("fastapi-maintenance skip daily -n shop")


def test_of_a_window_that_is_suspended_no_next_occurrence_is_changed() -> None:
    """It has none until it is resumed, which is not to say that it is over."""
    spec, now = spec_of(**DAILY, suspend=True), at("2026-06-01T00:00Z")
    with pytest.raises(Failure, match="is suspended") as failed:
        postponed(spec, window(spec), now, HOUR)
    assert failed.value.mend.startswith("let it open first: fastapi-maintenance resume ")
    with pytest.raises(Failure, match="is suspended"):
        skipped(spec, window(spec), now, None)


def test_of_a_window_that_is_over_nothing_is_to_be_changed() -> None:
    spec = spec_of(start="2026-05-01T00:00:00Z", duration="1h")
    with pytest.raises(Failure, match="is not open") as failed:
        extended(spec, window(spec), at("2026-06-01T00:00Z"), HOUR)
    assert failed.value.mend.startswith("it is over; open one now: fastapi-maintenance on '*' ")


def full(first: str) -> list[dict[str, Any]]:
    """As many overrides as there may be, one a day."""
    days = [at(first) + timedelta(days=day) for day in range(16)]
    return [{"occurrence": f"{day:%Y-%m-%dT%H:%M:%SZ}", "skip": True} for day in days]


def test_the_oldest_that_is_over_makes_room() -> None:
    spec = spec_of(**DAILY, overrides=full("2026-05-01T02:00Z"))
    overrides = extended(spec, window(spec), at("2026-06-01T02:30Z"), HOUR)
    assert len(overrides) == 16
    assert overrides[0]["occurrence"] == "2026-05-02T02:00:00Z"
    spec = spec_of(**DAILY, overrides=full("2026-06-02T02:00Z"))
    with pytest.raises(Failure, match="there are 16 overrides already"):
        extended(spec, window(spec), at("2026-06-01T02:30Z"), HOUR)
