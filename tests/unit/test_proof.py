"""When `Enforced` and `Drained` may be said, by the rules of the protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fastapi_maintenance.proof.claim import claim_of
from fastapi_maintenance.proof.conditions import merge_conditions
from fastapi_maintenance.proof.proving import NOT_ACTIVE
from fastapi_maintenance.windows import Allow, Mode, Override
from fastapi_maintenance.windows.scope import scope_of
from tests.unit.making import at, fixed, parsed, recurring, window
from tests.unit.proving import (
    NOW,
    ONE,
    PROVEN,
    UPGRADE,
    all_say,
    both,
    claimed,
    flights,
    process,
    proof_of,
    report,
)

DRAINED_ONE = process("orders-1", report())
NEW_ONE = process("orders-new")
"""A process that has registered, and has not spoken of the window yet."""
LATER = replace(UPGRADE, generation=2, timing=fixed(("2026-06-01T12:00Z", "2026-06-01T15:00Z")))
"""The same window, extended."""


def test_what_every_process_has_acknowledged_is_enforced_and_drained() -> None:
    proof = proof_of(DRAINED_ONE, process("orders-2", report()))
    assert both(proof) == PROVEN
    assert proof.counts == {"registered": 2, "enforcing": 2, "draining": 0}
    assert proof.enforced.message == "2 of 2 reporting processes refuse requests"


def test_of_one_process_it_is_spoken_as_of_one() -> None:
    lapsing = process("orders-1", report(reason="ForcedOff"))
    told = [proof_of(one).enforced.message for one in (NEW_ONE, lapsing)]
    assert told == [
        "The only process has not acknowledged it yet: orders-new",
        "The only process does not refuse requests: orders-1: ForcedOff",
    ]


def test_no_occurrence_no_claim() -> None:
    """R4: and so it is said first of all where none is open."""
    assert tuple(both(NOT_ACTIVE)) == all_say("False", "NotActive")
    assert NOT_ACTIVE.processes is None


def test_a_process_that_has_not_spoken_is_waited_for_by_name() -> None:
    proof = proof_of(DRAINED_ONE, NEW_ONE)
    assert both(proof) == all_say("False", "NotAcknowledged")
    assert "orders-new" in proof.enforced.message
    assert proof.counts == {"registered": 2, "enforcing": 1, "draining": 0}


@pytest.mark.parametrize(
    "words",
    [
        {"occurrence": at("2026-05-31T12:00Z")},
        {"scope": scope_of(replace(UPGRADE, mode=Mode.READ_ONLY)), "generation": 0},
        {"until": at("2026-06-01T12:09Z")},
        {"uid": "uid-of-another"},
    ],
    ids=["earlier occurrence", "other scope", "ended for it", "recreated window"],
)
def test_an_acknowledgement_of_something_else_counts_for_nothing(words: dict[str, Any]) -> None:
    """R4."""
    assert both(proof_of(process("orders-1", report(**words)))) == all_say(
        "False", "NotAcknowledged"
    )


def test_a_request_from_before_holds_drained_back_and_the_worst_is_named() -> None:
    short = process("orders-b", report(**flights("2026-06-01T12:09:50Z", "2026-06-01T12:09:51Z")))
    long = process("orders-7d9f-x", report(**flights("2026-06-01T12:04:48Z")))
    proof = proof_of(short, long, DRAINED_ONE)
    assert both(proof) == (("True", "AllEnforce"), ("False", "RequestsRunning"))
    assert proof.drained.message == (
        "orders-7d9f-x (and 1 more): 1 request, GET /export/{id} since 2026-06-01T12:04:48Z"
    )
    assert proof.counts == {"registered": 3, "enforcing": 3, "draining": 2}


def test_while_the_same_request_runs_the_message_stays_the_same() -> None:
    """Each write of a status wakes every application that watches."""
    holder = process("orders-1", report(**flights("2026-06-01T12:04:48.25Z")))
    told = {proof_of(holder, now=f"2026-06-01T12:10:{s}Z").drained.message for s in (10, 11, 25)}
    assert told == {"orders-1: 1 request, GET /export/{id} since 2026-06-01T12:04:48Z"}


def test_with_no_process_the_names_that_are_registered_are_listed() -> None:
    """A typo in spec.apps."""
    proof = proof_of(process("a", app="order"), process("b", app="payments"))
    assert both(proof) == all_say("Unknown", "NoProcesses")
    assert proof.enforced.message == (
        "No process reports for orders (did you mean order?); registered are: order, payments"
    )
    assert proof_of().enforced.message == "No process reports for orders; none is registered"


def test_each_name_needs_a_process_that_carries_it() -> None:
    two = replace(UPGRADE, apps=("orders", "paymnets"))
    proof = proof_of(process("orders-1", report(two)), about=two)
    assert both(proof) == all_say("Unknown", "NoProcesses")
    assert proof.enforced.message == "No process reports for paymnets; registered are: orders"


def test_a_name_that_the_window_has_too_is_not_what_was_meant() -> None:
    two = replace(UPGRADE, apps=("orders", "orders2"))
    listed = process("a", report(two)), process("b", app="orders-2")
    assert proof_of(listed[0], about=two).enforced.message == (
        "No process reports for orders2; registered are: orders"
    )
    assert "orders2 (did you mean orders-2?)" in proof_of(*listed, about=two).enforced.message


def test_a_pattern_needs_no_process_of_its_own() -> None:
    some = replace(UPGRADE, apps=("orders", "pay*"))
    assert both(proof_of(process("orders-1", report(some)), about=some)) == PROVEN


def test_processes_of_other_apps_are_not_asked() -> None:
    assert both(proof_of(DRAINED_ONE, process("pay-1", app="payments"))) == PROVEN


def test_a_process_without_an_app_name_counts_for_every_window() -> None:
    """R11."""
    nameless = process("stranger", report(reason="NoAppName"), app=None)
    proof = proof_of(DRAINED_ONE, nameless)
    assert both(proof) == all_say("False", "NotEnforced")
    assert "stranger: NoAppName" in proof.enforced.message


def test_a_process_that_lets_requests_through_ends_a_claim() -> None:
    """R11: by its own word it does what the claim says that nobody does."""
    before = claimed(DRAINED_ONE)
    lapsing = process("orders-1", report(reason="MaintenanceModeOff"))
    proof = proof_of(lapsing, before=before)
    assert both(proof) == all_say("False", "NotEnforced")
    assert proof.claim is None


def test_true_is_said_from_two_seconds_after_the_start() -> None:
    """R12, R9: a new process whose clock is late lets requests in until then."""
    early = process("orders-1", report(), heard="2026-06-01T12:00:01Z")
    proof = proof_of(early, now="2026-06-01T12:00:01.9Z")
    assert both(proof) == all_say("False", "Opening")
    assert proof.look_again == at("2026-06-01T12:00:02Z")
    assert both(proof_of(early, now="2026-06-01T12:00:02Z")) == PROVEN


def test_a_process_whose_clock_is_late_is_waited_for() -> None:
    """It speaks of the window when its own clock says that it is open, and not before."""
    late = process("orders-late", heard="2026-06-01T12:09:50Z")
    assert both(proof_of(DRAINED_ONE, late)) == all_say("False", "NotAcknowledged")


def test_a_process_whose_clock_is_ahead_proves_nothing() -> None:
    """It would end the window too early."""
    ahead = process("orders-ahead", report(), heard="2026-06-01T12:10:03Z")
    proof = proof_of(DRAINED_ONE, ahead)
    assert both(proof) == all_say("Unknown", "ClockSkewed")
    assert "orders-ahead" in proof.enforced.message


BUSY: dict[str, Any] = {"in_flight": 1}


def test_silence_is_never_consent() -> None:
    """Three heartbeats of its own, and what clocks may differ by."""
    busy = process("orders-x", report(**BUSY), heard="2026-06-01T12:10:00Z")
    assert proof_of(busy, now="2026-06-01T12:10:31Z").drained.reason == "RequestsRunning"
    proof = proof_of(busy, now="2026-06-01T12:10:32Z")
    assert both(proof) == all_say("Unknown", "ProcessSilent")
    assert "orders-x, last heard 2026-06-01T12:10:00Z" in proof.enforced.message
    assert proof.suspects == (busy,)


def test_a_silent_process_that_never_spoke_of_the_window_is_named() -> None:
    proof = proof_of(DRAINED_ONE, process("orders-x", heard="2026-06-01T11:00Z"))
    assert both(proof) == all_say("Unknown", "ProcessSilent")
    assert "orders-x" in proof.drained.message


def test_after_true_a_process_may_fall_silent_and_the_message_says_so() -> None:
    before = claimed(DRAINED_ONE)
    proof = proof_of(DRAINED_ONE, now="2026-06-01T12:20Z", before=before)
    assert both(proof) == PROVEN
    assert proof.drained.message.endswith("fallen silent since: orders-1")
    assert proof.suspects == (DRAINED_ONE,)


def test_enforced_stays_but_drained_needs_every_process_to_be_heard() -> None:
    before = claimed(process("orders-1", report(**BUSY)))
    assert not before.drained
    proof = proof_of(DRAINED_ONE, now="2026-06-01T12:20Z", before=before)
    assert both(proof) == (("True", "AllEnforce"), ("Unknown", "ProcessSilent"))


def test_a_process_that_starts_during_a_window_does_not_make_it_flap() -> None:
    """R12: it looks before it serves."""
    proof = proof_of(DRAINED_ONE, NEW_ONE, before=claimed(DRAINED_ONE))
    assert both(proof) == PROVEN
    assert "1 more have started since" in proof.drained.message


def test_a_rolling_update_during_a_window_does_not_make_it_flap() -> None:
    """Old processes leave, new ones come, and at a time there is none that was there before."""
    claim = claimed(DRAINED_ONE, process("orders-2", report()))
    for listed in ([DRAINED_ONE, NEW_ONE], [NEW_ONE], [], [process("orders-new", report())]):
        proof = proof_of(*listed, before=claim)
        assert both(proof) == PROVEN
        assert proof.claim is not None
        claim = proof.claim


def test_drained_is_proven_when_all_have_spoken_though_enforced_stands() -> None:
    """R3: what seems new may be a process that lost its object, and has begun before."""
    before = claimed(process("orders-1", report(**BUSY)))
    proof = proof_of(DRAINED_ONE, NEW_ONE, before=before)
    assert both(proof) == (("True", "AllEnforce"), ("False", "NotAcknowledged"))
    proof = proof_of(DRAINED_ONE, process("orders-new", report()), before=before)
    assert both(proof) == PROVEN


def test_a_request_that_is_counted_and_then_refused_undoes_nothing() -> None:
    """R5, R12: a process counts, then checks."""
    blip = process("orders-1", report(**BUSY))
    assert both(proof_of(blip, before=claimed(DRAINED_ONE))) == PROVEN


def test_an_edit_that_widens_a_window_needs_new_acknowledgements() -> None:
    """R4."""
    narrow = replace(UPGRADE, mode=Mode.READ_ONLY)
    before = claimed(process("orders-1", report(narrow)), about=narrow)
    wide = replace(UPGRADE, generation=2)
    proof = proof_of(process("orders-1", report(narrow)), about=wide, before=before)
    assert both(proof) == all_say("False", "NotAcknowledged")
    assert proof.claim is None


@pytest.mark.parametrize(
    "narrower",
    [replace(UPGRADE, allow=Allow(paths=("/x",))), replace(UPGRADE, apps=("orders", "o*"))],
)
def test_any_edit_of_the_scope_needs_new_acknowledgements(narrower: Any) -> None:
    before = claimed(DRAINED_ONE)
    edited = replace(narrower, generation=2)
    assert proof_of(DRAINED_ONE, about=edited, before=before).enforced.status is False


TAKEN_BACK = replace(UPGRADE, generation=3)
"""As it was two edits ago: in between it may have let through, or been suspended."""


def test_an_edit_that_was_taken_back_needs_new_acknowledgements() -> None:
    """R4: a process may follow the version in between, by which it lets requests in."""
    assert both(proof_of(DRAINED_ONE, about=TAKEN_BACK)) == all_say("False", "NotAcknowledged")
    before = claimed(DRAINED_ONE)
    proof = proof_of(DRAINED_ONE, about=TAKEN_BACK, before=before)
    assert both(proof) == all_say("False", "NotAcknowledged")
    assert both(proof_of(process("orders-1", report(TAKEN_BACK)), about=TAKEN_BACK)) == PROVEN


def test_edits_that_leave_the_scope_keep_the_claim_one_by_one() -> None:
    claim = claimed(DRAINED_ONE)
    for generation in (2, 3, 4):
        edited = replace(UPGRADE, generation=generation)
        proof = proof_of(DRAINED_ONE, NEW_ONE, about=edited, before=claim)
        assert both(proof) == PROVEN
        assert proof.claim is not None
        claim = proof.claim


def test_what_was_shortened_is_not_claimed_beyond_that_when_it_is_extended_again() -> None:
    """R4: a process may know the shorter one by now, and not the longer one."""
    shorter = replace(UPGRADE, generation=2, ended_at=at("2026-06-01T12:30Z"))
    claim = proof_of(DRAINED_ONE, about=shorter, before=claimed(DRAINED_ONE)).claim
    again = replace(UPGRADE, generation=3)
    heard = process("orders-1", report(), heard="2026-06-01T12:29:50Z")
    for now, status in (("2026-06-01T12:29:52Z", True), ("2026-06-01T12:29:53Z", False)):
        proof = proof_of(heard, about=again, before=claim, now=now)
        assert proof.enforced.status is status


def test_an_extension_keeps_the_claim_until_shortly_before_the_old_end() -> None:
    """R4: a process that has not seen it yet would serve from then on."""
    before = claimed(DRAINED_ONE)
    proof = proof_of(DRAINED_ONE, about=LATER, before=before)
    assert both(proof) == PROVEN
    assert proof.claim == replace(before, generation=2)
    heard = process("orders-1", report(), heard="2026-06-01T12:59:50Z")
    last = "2026-06-01T12:59:52.9Z"
    assert both(proof_of(heard, about=LATER, before=before, now=last)) == PROVEN
    proof = proof_of(heard, about=LATER, before=before, now="2026-06-01T12:59:53Z")
    assert both(proof) == all_say("False", "NotAcknowledged")


def test_an_extension_that_all_have_acknowledged_holds_to_the_new_end() -> None:
    after = process("orders-1", report(LATER))
    proof = proof_of(after, about=LATER, before=claimed(DRAINED_ONE))
    assert proof.claim is not None
    assert proof.claim.until == at("2026-06-01T15:00Z")


def test_an_extension_is_acknowledged_by_nobody_where_a_new_process_has_not_spoken() -> None:
    """What it has listed may be the shorter window."""
    after = process("orders-1", report(LATER))
    proof = proof_of(after, NEW_ONE, about=LATER, before=claimed(DRAINED_ONE))
    assert proof.claim is not None
    assert proof.claim.until == at(ONE)


def test_an_extension_that_is_not_in_the_plan_is_not_believed_yet() -> None:
    """R8: whoever starts now may read the shorter one from the plan."""
    after = process("orders-1", report(LATER))
    before = claimed(DRAINED_ONE)
    proof = proof_of(after, about=LATER, before=before, unplanned="PlanNotWritten")
    assert both(proof) == PROVEN
    assert proof.claim == replace(before, generation=2)


def test_the_claim_holds_to_the_end_where_that_is_all_that_comes() -> None:
    """And not only until shortly before."""
    last = "2026-06-01T12:59:59.9Z"
    assert both(proof_of(DRAINED_ONE, now=last, before=claimed(DRAINED_ONE))) == PROVEN


def test_a_claim_on_a_window_that_is_shortened_stays() -> None:
    shorter = replace(UPGRADE, generation=2, ended_at=at("2026-06-01T12:30Z"))
    assert both(proof_of(DRAINED_ONE, about=shorter, before=claimed(DRAINED_ONE))) == PROVEN


def test_the_next_occurrence_of_a_recurring_window_is_another() -> None:
    """R4: a status that stands from the one before proves nothing, whoever was down meanwhile."""
    nightly = window(
        recurring("0 2 * * *", hours=1), uid="uid-of-w", generation=1, apps=("orders",)
    )
    first, second = "2026-06-01T02:10Z", "2026-06-02T02:10Z"
    said = process("orders-1", report(nightly, first), heard=first)
    before = claimed(said, about=nightly, now=first)
    awake = process("orders-1", report(nightly, first), heard=second)
    proof = proof_of(awake, about=nightly, now=second, before=before)
    assert both(proof) == all_say("False", "NotAcknowledged")


def test_a_postponed_start_is_another_occurrence() -> None:
    moved = replace(
        UPGRADE,
        generation=2,
        overrides=(Override(at("2026-06-01T12:00Z"), start=at("2026-06-01T12:05Z")),),
    )
    proof = proof_of(DRAINED_ONE, about=moved, before=claimed(DRAINED_ONE))
    assert proof.enforced.status is False


def test_where_versions_differ_in_what_a_scope_is_the_generation_decides() -> None:
    """Version skew: an older library in some Pods."""
    old = process("orders-old", report(scope="0:other", generation=1))
    assert both(proof_of(DRAINED_ONE, old)) == PROVEN
    edited = replace(UPGRADE, generation=2, description="another")
    assert proof_of(DRAINED_ONE, old, about=edited).enforced.reason == "NotAcknowledged"


def test_without_the_window_in_the_plan_nothing_is_proven() -> None:
    """R8."""
    proof = proof_of(DRAINED_ONE, unplanned="PlanTooLarge")
    assert both(proof) == all_say("Unknown", "PlanTooLarge")


def test_a_claim_falls_where_the_plan_lacks_every_version_of_the_window() -> None:
    """R8: whoever follows the plan refuses nothing from then on."""
    before = claimed(DRAINED_ONE)
    proof = proof_of(DRAINED_ONE, before=before, unplanned="PlanTooLarge", is_planned=False)
    assert both(proof) == all_say("Unknown", "PlanTooLarge")


def test_a_window_without_an_end_is_claimed_without_one() -> None:
    endless = parsed(start="2026-06-01T12:00:00Z", apps=["orders"])
    endless = replace(endless, uid="uid-of-w", generation=1)
    claim = claimed(process("orders-1", report(endless)), about=endless)
    assert claim.until is None


def written(**changes: Any) -> dict[str, Any]:
    """An object in whose status a proof stands."""
    proof = proof_of(DRAINED_ONE)
    status = {
        "conditions": merge_conditions((), proof.verdicts, 1, at(NOW)),
        "current": {"start": "2026-06-01T12:00:00Z", "end": "2026-06-01T13:00:00Z"},
        "processes": proof.processes,
    }
    return {"metadata": {"creationTimestamp": "2026-06-01T12:09:00Z"}, "status": status | changes}


def test_a_claim_stands_in_the_status_and_is_read_from_there() -> None:
    """So that another operator, or the same one later, knows what was proven."""
    assert claim_of(written()) == claimed(DRAINED_ONE)
    assert claim_of(written(processes={"registered": 1})) is None
    assert claim_of(written(current=None)) is None
    assert claim_of({"metadata": {}}) is None


@pytest.mark.parametrize(
    ("created", "believed"), [("2026-06-01T12:10:02Z", True), ("2026-06-01T12:10:03Z", False)]
)
def test_a_claim_that_is_older_than_its_window_is_that_of_another(
    created: str, believed: bool
) -> None:
    """R12: some tools restore a status, too, and the window has another uid then."""
    item = written()
    item["metadata"]["creationTimestamp"] = created
    assert (claim_of(item) is not None) is believed


def test_it_is_looked_again_when_somebody_would_be_silent() -> None:
    """Silence makes no event."""
    assert proof_of(DRAINED_ONE).look_again == at("2026-06-01T12:13:02Z")
    waiting = process("orders-1", heard=NOW)
    assert proof_of(waiting).look_again == at("2026-06-01T12:10:15Z")


def test_a_process_that_is_overdue_is_suspected_before_it_is_silent() -> None:
    """While a window waits for it; its Pod may be gone."""
    waiting = process("orders-1", heard="2026-06-01T12:09:45Z")
    assert proof_of(waiting).suspects == (waiting,)
    done = process("orders-2", report(), heard="2026-06-01T12:09:45Z")
    assert proof_of(done).suspects == ()
