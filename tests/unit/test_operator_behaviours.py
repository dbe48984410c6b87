"""Each behaviour of an operator that can be trusted has one test on a real API server."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1] / "cluster"
FILES = ("test_operator*.py", "test_children.py", "test_leader*.py", "test_rights*.py")

BEHAVIOURS = {
    1: "no write when nothing changed",
    2: "the status through its subresource, with a field manager",
    3: "observedGeneration on status and conditions",
    4: "lastTransitionTime moves only with the status",
    5: "a bad schedule or zone: a condition and one Event, and no storm of retries",
    6: "a valid edit recovers",
    7: "start and end within 1 s beside 5,000 windows",
    8: "a restart in mid-window resumes",
    9: "a start that was missed while down",
    10: "a spring gap",
    11: "an autumn overlap opens once",
    12: "time zones are missing",
    13: "clocks that jump by an hour",
    14: "overlapping windows combine the same way always",
    15: "manual against scheduled",
    16: "suspend",
    17: "a deletion while active clears the plan",
    18: "a deletion with the operator down does not hang",
    19: "a deletion missed during a 410 is repaired",
    20: "a hand-edited or deleted plan is restored",
    21: "owner references and garbage collection",
    22: "two operators at once never flap",
    23: "SIGTERM is clean",
    24: "an API server that is away",
    25: "minimal rights, for the cluster and for one namespace",
    26: "stored objects survive an upgrade of the CRDs",
    27: "the CRDs apply on the server at hand, the oldest supported one included",
    28: "a budget of writes",
}


def test_each_behaviour_has_exactly_one_test() -> None:
    found = Counter(
        int(number)
        for pattern in FILES
        for path in TESTS.glob(pattern)
        for number in re.findall(r"^(?:async )?def test_(\d\d)_", path.read_text(), re.MULTILINE)
    )
    assert found == dict.fromkeys(BEHAVIOURS, 1)
