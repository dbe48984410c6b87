"""The parts of a manifest that change single occurrences, and what surrounds them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fastapi_maintenance.windows import Exclusion, InvalidWindow, Override, Window
from tests.unit.making import at, parsed

NIGHTLY: dict[str, Any] = {"schedule": "0 2 * * *", "timeZone": "Etc/UTC", "duration": "2h"}
FIRST, LATER, LAST = "2026-06-01T02:00:00Z", "2026-06-01T04:00:00Z", "2026-06-01T05:00:00Z"


def nightly(**spec: Any) -> Window:
    return parsed(**NIGHTLY, **spec)


def overridden(**fields: Any) -> Window:
    return nightly(overrides=[{"occurrence": FIRST, **fields}])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"start": LATER}, Override(at(FIRST), start=at(LATER))),
        ({"end": LATER}, Override(at(FIRST), end=at(LATER))),
        ({"start": LATER, "end": LAST}, Override(at(FIRST), at(LATER), at(LAST))),
        ({"skip": True, "reason": "Fair"}, Override(at(FIRST), skip=True, reason="Fair")),
        ({"skip": False, "start": LATER}, Override(at(FIRST), start=at(LATER))),
        ({"start": LATER, "end": None}, Override(at(FIRST), start=at(LATER))),
    ],
)
def test_an_override_says_what_becomes_of_one_occurrence(
    fields: dict[str, Any], expected: Override
) -> None:
    assert overridden(**fields).overrides == (expected,)


@pytest.mark.parametrize(
    ("fields", "field", "problem", "mend"),
    [
        ({}, "", "changes nothing", "say start, end or skip: true"),
        ({"reason": "Fair", "skip": False}, "", "changes nothing", "say start, end or skip"),
        ({"skip": True, "start": LATER}, "", "goes without start and end", "say start, end or"),
        ({"skip": True, "end": LATER}, "", "goes without start and end", "say start, end or"),
        ({"start": LAST, "end": LATER}, ".end", f"is not after start {LAST!r}", "a later end"),
        ({"start": LATER, "end": LATER}, ".end", "is not after start", "a later end"),
        ({"end": FIRST}, ".end", f"is not after occurrence {FIRST!r}", "a later end"),
        ({"end": "2026-06-01T03:00:00+02:00"}, ".end", "is not after occurrence", "a later end"),
        ({"occurrence": None, "skip": True}, ".occurrence", "is missing", "the start that"),
        ({"occurrence": "06-01", "skip": True}, ".occurrence", "'06-01' is not a date", "T02:"),
        ({"start": "soon"}, ".start", "'soon' is not a date-time", "2026-03-29T02:00:00Z"),
        ({"skip": "yes"}, ".skip", "'yes' is not a boolean", "write true or false"),
        ({"skip": True, "reason": ""}, ".reason", "'' is not such a string", "256 characters"),
        ({"skip": True, "reason": "\x1b["}, ".reason", "control characters", "remove them"),
        ({"skipp": True}, ".skipp", "unknown field", "did you mean 'skip'?"),
    ],
)
def test_an_override_that_means_nothing_is_refused(
    fields: dict[str, Any], field: str, problem: str, mend: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        overridden(**fields)
    assert caught.value.field == f"spec.overrides[0]{field}"
    assert problem in caught.value.problem
    assert mend in caught.value.mend


def test_two_overrides_of_one_instant_are_refused_however_it_is_written() -> None:
    twice = [
        {"occurrence": FIRST, "skip": True},
        {"occurrence": "2026-06-01T04:00:00+02:00", "skip": True},
    ]
    with pytest.raises(
        InvalidWindow,
        match=r"^spec\.overrides\[1\]\.occurrence: '2026-06-01T04:00:00\+02:00' .*s\[0\] too",
    ):
        nightly(overrides=twice)


def test_an_exclusion_has_a_start_an_end_and_perhaps_a_reason() -> None:
    given = [{"start": FIRST, "end": LATER}, {"start": FIRST, "end": LAST, "reason": "Fair"}]
    assert nightly(exclusions=given).exclusions == (
        Exclusion(at(FIRST), at(LATER)),
        Exclusion(at(FIRST), at(LAST), "Fair"),
    )


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"start": FIRST}, "end", "is missing"),
        ({"end": FIRST}, "start", "is missing"),
        ({"start": FIRST, "end": FIRST}, "end", "is not after start"),
        ({"start": LATER, "end": FIRST}, "end", "is not after start"),
        ({"start": FIRST, "end": "x"}, "end", "'x' is not a date-time"),
        ({"start": FIRST, "end": LAST, "reason": 5}, "reason", "5 is not such a string"),
    ],
)
def test_an_exclusion_that_cuts_nothing_is_refused(
    fields: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        nightly(exclusions=[fields])
    assert caught.value.field == f"spec.exclusions[0].{field}"
    assert problem in caught.value.problem


def test_what_surrounds_an_occurrence_is_taken_as_it_stands() -> None:
    window = parsed(
        endedAt="2026-06-01T14:30:00+02:00",
        announceBefore="720h",
        description="OPS-1\n\tAnna",
        ttlSecondsAfterFinished=0,
    )
    assert window.ended_at == at("2026-06-01T12:30Z")
    assert window.announce_before == timedelta(days=30)
    assert window.description == "OPS-1\n\tAnna"
    assert window.ttl_seconds_after_finished == 0


@pytest.mark.parametrize(
    ("spec", "field", "problem", "mend"),
    [
        ({"endedAt": True}, "endedAt", "True is not a date-time", "2026-03-29T02:00:00Z"),
        ({"announceBefore": "721h"}, "announceBefore", "out of bounds", "from 1s to 720h"),
        ({"announceBefore": "0s"}, "announceBefore", "out of bounds", "from 1s to 720h"),
        ({"announceBefore": 3600}, "announceBefore", "3600 is not a duration", "2h30m"),
        ({"description": "x" * 1025}, "description", "is not such a string", "1024"),
        ({"description": "\x07"}, "description", "control characters", "remove them"),
        ({"ttlSecondsAfterFinished": -1}, "ttlSecondsAfterFinished", "-1", "from 0 to 31536000"),
        ({"ttlSecondsAfterFinished": 0.5}, "ttlSecondsAfterFinished", "0.5", "a whole number"),
        ({**NIGHTLY, "ttlSecondsAfterFinished": 5}, "ttlSecondsAfterFinished", "schedule", "leave"),
        ({"overrides": []}, "overrides", "[] is not such a list", "1 to 16 items"),
        ({"overrides": [{}] * 17}, "overrides", "is not such a list", "1 to 16 items"),
        ({"exclusions": [{}] * 65}, "exclusions", "is not such a list", "1 to 64 items"),
        ({"exclusions": [5]}, "exclusions[0]", "5 is not an object", "write its fields"),
    ],
)
def test_a_wrong_surrounding_is_named_with_its_mend(
    spec: dict[str, Any], field: str, problem: str, mend: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parsed(**spec)
    assert caught.value.field == f"spec.{field}"
    assert problem in caught.value.problem
    assert mend in caught.value.mend
