"""Why a window is not open, with what opens it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fastapi_maintenance.cli._closed import not_open, opens_too_late
from fastapi_maintenance.cli._seen import see
from tests.unit.making import at, manifest

NOW = at("2026-06-01T12:00Z")


@pytest.mark.parametrize(
    ("spec", "problem", "mend"),
    [
        (
            {"end": "2026-06-01T11:00:00Z"},
            "Finished since 13:00:00 CEST (1h ago)",
            "how to open it anew: fastapi-maintenance explain move -n shop",
        ),
        (
            {"start": "2026-05-01T00:00:00Z", "exclusions": [
                {"start": "2026-01-01T00:00:00Z", "end": "2999-01-01T00:00:00Z"}
            ], "end": "2026-06-01T11:00:00Z"},
            "Finished",
            "how to open it anew: fastapi-maintenance explain move -n shop",
        ),
        (
            {"suspend": True},
            "Suspended",
            "let it open again: fastapi-maintenance resume move -n shop",
        ),
        (
            {"mode": "Off"},
            "Invalid: spec.mode: 'Off' is unknown: known here: Full, ReadOnly",
            "see: fastapi-maintenance explain move -n shop",
        ),
    ],
    ids=["over", "cut away", "suspended", "invalid"],
)  # fmt: skip
def test_a_window_that_does_not_open_says_why_and_what_opens_it(
    spec: dict[str, Any], problem: str, mend: str, reader_in: Callable[[str], None]
) -> None:
    reader_in("Europe/Berlin")
    failure = not_open(see(manifest("move", **spec), NOW))
    assert failure.problem == f'maintenancewindow "move" is not open: {problem}'
    assert failure.mend == mend


def test_a_window_that_opens_too_late_is_told_with_a_timeout_that_is_long_enough() -> None:
    failure = opens_too_late(see(manifest("move", start="2026-06-07T11:30:00Z"), NOW))
    assert 'maintenancewindow "move" opens at ' in failure.problem
    assert failure.problem.endswith("(in 5d23h), later than --timeout")
    assert failure.mend == "wait longer: --timeout 145h, or wait for it on that day"
