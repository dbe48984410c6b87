"""Each behaviour of a list and watch that can be trusted has one test, named by its number."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]

# Shown on a real API server where one can be made to misbehave so (tests/cluster), else on a
# server of TLS that does as it is told (tests/unit).
BEHAVIOURS = {
    1: "list, then watch: nothing is missed between",
    2: "readers never see half a list",
    3: "a relist makes the deletes that it implies",
    4: "410 in the stream",
    5: "410 as an answer",
    6: "410 twice: a consistent list",
    7: "ERROR 500 in the stream",
    8: "429 with Retry-After",
    9: "401 reads the token anew",
    10: "403 is visible and keeps the last state",
    11: "502 with HTML",
    12: "empty answers stay at the backoff's rate",
    13: "the stream ends in mid-line",
    14: "a line over 128 KiB",
    15: "a bookmark moves the version only",
    16: "unknown types of events are passed over",
    17: "a half-open connection is found in less than 90 s",
    18: "a black hole is bounded",
    19: "the end of a watch in time misses nothing",
    20: "a stale list never rolls state back",
    21: "deleted and recreated: a new uid",
    22: "a malformed object keeps the last good one, and counts",
    23: "backoff caps, jitters, resets; 1,000 processes do not synchronise",
    24: "never synced: as configured, and readiness is honest",
    25: "the end comes in less than 1 s; no task, thread or socket is left",
    26: "proxy variables are ignored",
    27: "memory is flat after 100,000 events",
    28: "where a streamed list is refused: a list",
}


def test_each_behaviour_has_exactly_one_test() -> None:
    found = Counter(
        int(number)
        for path in TESTS.glob("*/test_reflector*.py")
        for number in re.findall(r"^(?:async )?def test_(\d\d)_", path.read_text(), re.MULTILINE)
    )
    assert found == dict.fromkeys(BEHAVIOURS, 1)
