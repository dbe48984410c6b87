"""A window that is to be written, where one of its name is there already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._failures import Failure
from ._hints import CLUSTER
from ._kinds import by_hand, quoted
from ._seen import Seen, marks_of, parent_of

Object = dict[str, Any]

_FIELDS = ("apps", "schedule", "duration", "timeZone", "mode")
"""What `schedule` writes, beside the message; all else stays as it is."""
_MESSAGE = "response.message"
_DEFAULTS = {"mode": "Full"}


def changes(there: Object, wanted: Object) -> dict[str, tuple[Any, Any]]:
    """By field of the spec: what is there, and what is wanted."""
    pairs = {
        name: tuple(spec.get(name, _DEFAULTS.get(name)) for spec in (there, wanted))
        for name in _FIELDS
    }
    pairs[_MESSAGE] = (_message(there), _message(wanted))
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def patch_of(there: Object, found: dict[str, tuple[Any, Any]]) -> Object:
    """What makes the one that is there the other; None takes a field away."""
    spec: Object = {name: new for name, (_, new) in found.items() if name in _FIELDS}
    if _MESSAGE in found:
        new = found[_MESSAGE][1]
        is_all = new is None and list(there["response"]) == ["message"]
        spec["response"] = None if is_all else {"message": new}
    return spec


def lines_of(found: dict[str, tuple[Any, Any]]) -> Iterator[str]:
    """A line for each field that differs."""
    for name, (old, new) in found.items():
        yield f"spec.{name}: {_shown(old)} -> {_shown(new)}"


def check_may_be_replaced(seen: Seen) -> None:
    """Whether it is a window that comes again, and nobody would bring back what it was.

    Raises:
        Failure: naming who has it in its hands, and where it is to be changed.
    """
    there = f"{quoted(seen.name)} is there already"
    if parent := parent_of(seen.item):
        its = f"{CLUSTER}{parent}"
        mend = f"choose another name; or, for all its namespaces: {by_hand(its, seen.namespace)}"
        raise Failure(f"{there}, kept as {quoted(its)} has it", mend)
    if seen.made_for or "schedule" not in (seen.item.get("spec") or {}):
        raise Failure(f"{there}, and is none that comes again", "choose another name")


def differing(seen: Seen, found: dict[str, tuple[Any, Any]]) -> Failure:
    """That it is another one, and how it becomes this one."""
    mend = "change it: the same again with --replace; all other fields stay"
    if tool := marks_of(seen.item):
        source = "the chart's values" if tool == "Helm" else "Git"
        mend = f"{tool} manages it, so change it in {source}; --dry-run=client prints it"
    problem = f"{quoted(seen.name)} is there already, and differs"
    return Failure(problem, "\n  ".join([*lines_of(found), mend]))


def _message(spec: Object) -> Any:
    return (spec.get("response") or {}).get("message")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
