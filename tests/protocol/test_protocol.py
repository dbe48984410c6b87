"""`Drained=True` is never wrong, whatever happens in which order; and each rule is needed."""

from __future__ import annotations

import os

import pytest

from tests.protocol.model import ALL, BETWEEN, RULES, SILENCE, Model
from tests.protocol.scenarios import LONG, SCENARIOS
from tests.protocol.search import search

NEVER_TRUE = {"a gate that is told to ignore windows", "a process that is cut off"}
"""Where `Drained` can't be said at all."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_with_all_rules_no_order_of_events_makes_drained_wrong(name: str) -> None:
    found = search(Model(SCENARIOS[name]))
    assert found.trace == ()
    assert found.claims == (name not in NEVER_TRUE)


@pytest.mark.skipif("PROTOCOL" not in os.environ, reason="minutes; make protocol")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", LONG)
def test_nor_where_more_happens_at_once(name: str) -> None:
    found = search(Model(LONG[name]))
    assert (found.trace, found.claims) == ((), True)


FAILURES = {
    # It served before it was registered: nobody had waited for it.
    "R1": ("a process starts", "1 looks", "create", "operator writes True", "1 registers"),
    # SIGTERM hides a request that runs.
    "R2": ("a process ends", "0 lets in a request", "0 stops", "0 unregisters", "1 reports"),
    # A worker's word replaces its sibling's.
    "R3": ("workers in one Pod", "0 lets in a request", "1 reports", "operator writes True"),
    # A request that slipped in between the check and the count is not in the report.
    "R5": ("a request at the start", "0 checks a request", "0 reports", "operator writes True"),
    # True lands on a window that was created anew.
    "R6": (
        "a window that is recreated",
        "operator lists processes",
        "create",
        "operator writes True",
    ),
    # A foreground deletion takes the object away while the Pod still runs.
    "R7": ("a process ends", "0 lets in a request", "0 is collected", "operator writes True"),
    # A process that starts after the list finds no window in the plan.
    "R8": (
        "a process that reads the plan",
        "operator lists processes",
        "1 registers",
        "1 looks",
        "1 lets in a request",
    ),
    # The window is no longer open for a clock that stepped back.
    "R9": ("a clock that steps back", "0 reports", "operator writes True", "0 steps back"),
    # The newest that is known of one process is older than the newest of another.
    "R10": ("a process starts", "1 registers", "1 looks", "create", "operator hears of 0"),
    # It acknowledges what it does not do.
    "R11": ("a gate that is told to ignore windows", "0 reports", "operator writes True"),
    # A process that starts after the list has a clock by which the window is not open yet.
    "R12": ("a clock that is late", "operator writes True", "1 looks", "1 lets in a request"),
    # A process that is cut off has not heard of the window.
    SILENCE: ("a process that is cut off", "operator writes True", "1 lets in a request"),
    # What was acknowledged before an edit that let requests in, and that was taken back.
    BETWEEN: ("an edit that is taken back", "0 reports", "edit", "operator writes True"),
}

OF_R4 = (
    # What was acknowledged for an earlier occurrence.
    ("a recurring window", "0 reports", "tick", "0 lets in a request", "tick", "tick"),
    # What was acknowledged before the edit.
    ("an edit that widens", "0 learns", "edit", "0 reports", "operator writes True"),
    # What ends, for a process, before it ends in etcd.
    ("an edit that extends", "0 learns", "edit", "0 reports", "tick", "operator writes True"),
)

CASES = [*FAILURES.items(), *(("R4", steps) for steps in OF_R4)]


def test_every_rule_has_its_counter_example() -> None:
    assert {rule for rule, _ in CASES} == ALL == RULES | {SILENCE, BETWEEN}


@pytest.mark.parametrize(("rule", "steps"), CASES, ids=[f"{r}: {s[0]}" for r, s in CASES])
def test_without_a_rule_drained_is_wrong_in_the_way_that_the_rule_names(
    rule: str, steps: tuple[str, ...]
) -> None:
    """The shortest way to it; the last step always lets in what is refused, or says True."""
    name, *expected = steps
    trace = search(Model(SCENARIOS[name], ALL - {rule})).trace
    rest = iter(trace)
    assert all(step in rest for step in expected), trace
    assert trace[-1].endswith(("lets in a request", "writes True"))
