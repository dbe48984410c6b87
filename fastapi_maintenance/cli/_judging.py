"""Whether a window is enforced or drained, by the operator's word or by the processes' own: pure.

The operator's word counts for the generation and the occurrence that are meant, while its Lease is
fresh: a status stays as it is after its writer's death. Otherwise what the processes say is judged
here, by the same rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi_maintenance.proof.claim import claim_of
from fastapi_maintenance.proof.conditions import find
from fastapi_maintenance.proof.processes import MAX_CLOCK_SKEW, Process, Word, read_process
from fastapi_maintenance.proof.proving import Proof, Question, prove
from fastapi_maintenance.proof.wording import clock, on_clock
from fastapi_maintenance.windows import Occurrence

from ._seen import Seen

Object = dict[str, Any]

CONDITIONS = {"enforced": "Enforced", "drained": "Drained"}
LAG = timedelta(seconds=10)
"""How long a status may be behind before it counts as nobody's."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What can be said now."""

    met: bool
    reason: str
    message: str


def by_operator(seen: Seen, what: str) -> Judgement | None:
    """What the operator says of this generation and occurrence; None where it has not yet."""
    status, current = seen.item.get("status") or {}, seen.current
    if current is None or not _is_about(status, seen, current):
        return None
    found = find(status, CONDITIONS[what])
    if not found or int(found.get("observedGeneration", 0)) < _generation(seen):
        return None
    said = str(found.get("reason", "")), on_clock(str(found.get("message", "")), seen.at)
    return Judgement(found.get("status") == "True", *said)


def by_processes(
    seen: Seen,
    what: str,
    processes: Sequence[Object],
    plan: str | None,
    listed: datetime,
    *,
    unreported_is_ok: bool = False,
) -> Judgement:
    """What a consistent list of processes proves; the window and the plan were read before it."""
    proof = _prove(seen, processes, plan, listed, unreported_is_ok)
    verdict = proof.enforced if what == "enforced" else proof.drained
    return Judgement(
        verdict.status is True, str(verdict.reason), on_clock(verdict.message, seen.at)
    )


def lease_is_fresh(lease: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether somebody holds it, by the clocks of a cluster."""
    spec = (lease or {}).get("spec") or {}
    if not spec.get("holderIdentity"):
        return False
    try:
        renewed = datetime.fromisoformat(str(spec["renewTime"]))
        lasts = timedelta(seconds=int(spec["leaseDurationSeconds"]))
    except (KeyError, ValueError):
        return False
    return now <= renewed + lasts + MAX_CLOCK_SKEW


def holders(seen: Seen, processes: Sequence[Process]) -> list[str]:
    """The processes that have not finished what the window refuses: with what, since when."""
    found = []
    for process in sorted(processes, key=lambda p: p.called):
        word = process.words.get(_uid(seen))
        if word is not None and word.in_flight:
            count = f"{word.in_flight} request{'s' if word.in_flight > 1 else ''}"
            what = f", {oldest_of(word, seen.at)}" if word.oldest else ""
            found.append(f"{process.called}: {count}{what}")
    return found


def oldest_of(word: Word, at: datetime) -> str:
    """The request that has run the longest of those that hold a window; empty where none is told.

    Args:
        word: what a process says of the window.
        at: the present instant.
    """
    flight = word.oldest
    return f"{flight.method} {flight.route} since {clock(flight.since, at)}" if flight else ""


def _prove(
    seen: Seen, items: Sequence[Object], plan: str | None, listed: datetime, ok: bool
) -> Proof:
    assert seen.window is not None
    assert seen.current is not None
    planned = _planned(seen, plan)
    question = Question(
        seen.window,
        seen.current,
        seen.at,
        listed,
        None if planned == _generation(seen) else "PlanNotWritten",
        planned is not None,
        claim_of(seen.item),
        needs_all_apps=not ok,
    )
    return prove(question, [read_process(item) for item in items])


def _planned(seen: Seen, plan: str | None) -> int | None:
    """The version that a plan has of it, None where it has none.

    No plan is nobody's to follow; one that lacks the window may be somebody's.
    """
    if plan is None:
        return _generation(seen)
    try:
        found = {w["uid"]: int(w["generation"]) for w in json.loads(plan)["windows"]}
    except (ValueError, KeyError, TypeError):
        return None
    return found.get(_uid(seen))


def _is_about(status: Mapping[str, Any], seen: Seen, current: Occurrence) -> bool:
    """Whether a status speaks of the spec as it is, and of the occurrence that is open."""
    said = (status.get("current") or {}).get("start")
    if said is None or int(status.get("observedGeneration", 0)) < _generation(seen):
        return False
    try:
        return datetime.fromisoformat(str(said)) == current.start
    except ValueError:
        return False


def _generation(seen: Seen) -> int:
    return int(seen.item["metadata"].get("generation", 0))


def _uid(seen: Seen) -> str:
    return str(seen.item["metadata"].get("uid", ""))
