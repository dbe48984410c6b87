"""What is worth an Event, once each: pure functions.

An Event's name is made of what it is about, so that a second try after a crash meets the first
one's Event. The transition that it follows is part of that: a window that is suspended and
resumed opens a second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fastapi_maintenance.proof.conditions import find
from fastapi_maintenance.windows import API_VERSION, format_instant

from .names import CONTROLLER
from .reconcile import Object, Observed

_LONGEST_NOTE = 1024
_HOME_OF_CLUSTER_OBJECTS = "default"
"""Where Events about objects without a namespace live, by the API server's own rule."""
_PROBLEMS = {"Invalid": "Validate", "PlanTooLarge": "Publish", "NameTaken": "Distribute"}
"""Reasons of Ready that somebody should be told of, and what was being done."""


def events(observed: Observed, desired: Mapping[str, Any], now: datetime) -> Iterator[Object]:
    """The Events that a change of status is worth."""
    before, after = observed.status.get("current"), desired.get("current")
    if before and not _goes_on(before, after):
        yield _closed(observed, before, desired, now)
    if after and not _goes_on(before, after):
        yield _opened(observed, after, now)
    ready = find(desired, "Ready")
    if ready.get("reason") in _PROBLEMS and _is_news(observed, ready):
        yield _problem(observed, ready, now)


def _goes_on(before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> bool:
    """Whether it is the same stretch; between two of them, nobody may have looked."""
    if not before or not after:
        return False
    end = before.get("end")
    return end is None or datetime.fromisoformat(after["start"]) <= datetime.fromisoformat(end)


def _opened(observed: Observed, current: Mapping[str, str], now: datetime) -> Object:
    until = f"until {current['end']}" if "end" in current else "until it is ended"
    window = observed.window
    note = f"{window.mode} maintenance of {', '.join(window.apps)} {until}" if window else until
    cause = (current["start"], find(observed.status, "Active").get("lastTransitionTime", ""))
    return make_event(observed, "WindowOpened", "Open", note, cause, now)


def _closed(
    observed: Observed, was: Mapping[str, str], desired: Mapping[str, Any], now: datetime
) -> Object:
    why = find(desired, "Active")
    then = f"opens again at {desired['next']['start']}" if "next" in desired else ""
    note = f"Maintenance is over: {then or why.get('message', '')}"
    cause = (was["start"], find(observed.status, "Active").get("lastTransitionTime", ""))
    return make_event(observed, "WindowClosed", "Close", note, cause, now)


def _is_news(observed: Observed, ready: Mapping[str, Any]) -> bool:
    before = find(observed.status, "Ready")
    known = before.get("reason"), before.get("observedGeneration")
    return known != (ready["reason"], ready["observedGeneration"])


def _problem(observed: Observed, ready: Mapping[str, Any], now: datetime) -> Object:
    reason = f"Window{ready['reason']}"
    cause = (str(ready["observedGeneration"]),)
    action = _PROBLEMS[ready["reason"]]
    return make_event(observed, reason, action, ready["message"], cause, now, kind="Warning")


def make_event(
    observed: Observed,
    reason: str,
    action: str,
    note: str,
    cause: tuple[str, ...],
    now: datetime,
    *,
    kind: str = "Normal",
) -> Object:
    """An Event about a window; two of the same uid, reason and cause have the same name."""
    given = {"apiVersion": API_VERSION, "kind": observed.kind, "name": observed.name}
    place = {"namespace": observed.namespace} if observed.namespace else {}
    regarding = {**given, **place, "uid": observed.uid}
    return event_about(regarding, reason, action, note, cause, now, kind=kind)


def event_about(
    regarding: Object,
    reason: str,
    action: str,
    note: str,
    cause: tuple[str, ...],
    now: datetime,
    *,
    kind: str = "Normal",
) -> Object:
    """An Event about whatever a reference refers to."""
    once = hashlib.sha256("/".join((regarding["uid"], *cause, reason)).encode()).hexdigest()
    namespace = regarding.get("namespace", _HOME_OF_CLUSTER_OBJECTS)
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{regarding['name']}.{once[:16]}", "namespace": namespace},
        "eventTime": format_instant(now.replace(microsecond=now.microsecond or 1)),
        "reportingController": CONTROLLER,
        "action": action,
        "reason": reason,
        "type": kind,
        "note": note[:_LONGEST_NOTE],
        "regarding": regarding,
    }
