"""The rows of `status`: what is open first, what is over last, and of that the newest: pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi_maintenance.proof.conditions import find

from ._cluster import Object
from ._judging import by_operator
from ._seen import Seen
from ._times import moment, span

HEAD = ("NAME", "STATE", "MODE", "APPS", "UNTIL", "NEXT", "ENFORCED", "DRAINED", "PROCESSES", "BY")
_STATES = ("Open", "Invalid", "Scheduled", "Suspended", "Finished")
NEWEST = 3
"""How many that are over are shown."""
_BEGIN = datetime.min.replace(tzinfo=UTC)


def in_order(seen: Sequence[Seen]) -> list[Seen]:
    """What is open, what comes in the order in which it opens, what is over, the last one first."""
    return sorted(seen, key=lambda s: (_STATES.index(s.state), _near(s), s.namespace, s.name))


def shortened(seen: Sequence[Seen]) -> list[Seen]:
    """The same without those that were over long ago; a single one more is no burden."""
    over = [each for each in seen if each.state == "Finished"]
    if len(over) <= NEWEST + 1:
        return list(seen)
    return [each for each in seen if each not in over[NEWEST:]]


def row(seen: Seen, everywhere: bool) -> tuple[str, ...]:
    """One window."""
    window, current, following = seen.window, seen.current, seen.following
    spec: Object = seen.item.get("spec") or {}
    place = (seen.namespace,) if everywhere else ()
    return (
        *place,
        seen.name,
        seen.state,
        str(window.mode) if window else "",
        ",".join(map(str, spec.get("apps") or ())),
        _end(current.end, seen.at) if current else _over(seen),
        _coming(following.start, seen.at) if following else "",
        _proven(seen, "enforced"),
        _proven(seen, "drained"),
        _counts(seen),
        seen.opened_by,
    )


def _near(seen: Seen) -> float:
    """How near an instant is, in seconds; of those that are open and others no one counts."""
    if seen.state == "Scheduled" and seen.following is not None:
        return (seen.following.start - seen.at).total_seconds()
    if seen.state == "Finished":
        return (seen.at - (seen.ended or _BEGIN)).total_seconds()
    return 0.0


def _end(end: datetime | None, at: datetime) -> str:
    return "ended by hand" if end is None else _coming(end, at)


def _coming(instant: datetime, at: datetime) -> str:
    return f"{moment(instant, at)} ({span(instant - at)})"


def _over(seen: Seen) -> str:
    ended = seen.ended if seen.state == "Finished" else None
    return f"{moment(ended, seen.at)} ({span(seen.at - ended)} ago)" if ended else ""


def _proven(seen: Seen, what: str) -> str:
    """Only of the occurrence that is open, and the spec as it is."""
    if seen.current is None:
        return ""
    told = by_operator(seen, what)
    if told is None:
        return "Unknown"
    kind = what.capitalize()
    return str(find(seen.item["status"], kind).get("status", "Unknown"))


def _counts(seen: Seen) -> str:
    counts: dict[str, Any] = (seen.item.get("status") or {}).get("processes") or {}
    if seen.current is None or "registered" not in counts:
        return ""
    return f"{counts.get('enforcing', 0)}/{counts['registered']}"
