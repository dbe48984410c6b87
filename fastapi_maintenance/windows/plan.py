"""The plan: windows worked out into absolute occurrences, for readers that know no schedules.

The operator publishes it as ``windows.json`` in a ConfigMap. It is a pure function of the windows
and the day, so that it is written on a change and once a day. What it looks like stands in
``plan.schema.json`` beside this module.

Until a window's ``validUntil`` the plan means what the manifests mean: who is refused, what is
announced, and when a union ends. Whoever reads it takes it whole or not at all. A field that this
version does not know may narrow a window or widen it, so it is an error and not left out; the
operator writes only the fields that somebody uses, so that a newer one does no harm by itself.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from .fields import ANY_YEAR, Fields
from .manifest import check_label, parse_apps, parse_mode
from .match import EVERYTHING, NOBODY, Allow, Match
from .match_fields import parse_allow, parse_match
from .model import API_VERSION, Fixed, InvalidWindow, Occurrence, Window
from .occurrences import longest_between
from .plan_tail import occurrences_behind
from .response_fields import parse_response
from .state import DEFAULT_MESSAGE, Response
from .timing_fields import parse_announcement

PLAN_KIND = "MaintenancePlan"
HORIZON = timedelta(days=8)
"""Counted from midnight UTC, so that at least the next seven days are known."""
MOST_OCCURRENCES = 400
"""Of one window up to the horizon, those that are still open included: one that opens more often
than every half hour does not fit."""
MOST_BYTES = 64 * 1024

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_MOST_GENERATIONS = 2**63 - 1
_PLAN = ("apiVersion", "kind", "windows")
_WINDOW = (
    "namespace", "name", "uid", "generation", "apps", "mode", "match", "allow", "response",
    "announceBefore", "occurrences", "validUntil",
)  # fmt: skip
_MEND = "let the operator write it"
_UPGRADE = "upgrade fastapi-maintenance here"


def make_plan(windows: Iterable[Window], now: datetime) -> tuple[str, frozenset[str]]:
    """The plan as JSON, and the uids of the windows that are too large to be in it."""
    begin = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = sorted((w for w in windows if not w.suspend), key=lambda w: w.key)
    before = [_before(window, begin) for window in wanted]
    pairs = [(w, o) for w, o in zip(wanted, before, strict=True) if len(o) <= MOST_OCCURRENCES]
    entries = _fitting(_entries(pairs, begin + HORIZON))
    document = {"apiVersion": API_VERSION, "kind": PLAN_KIND, "windows": entries}
    planned = {(entry["namespace"], entry["name"]) for entry in entries}
    too_large = (w.uid for w in wanted if (w.namespace, w.name) not in planned)
    return _json(document), frozenset(too_large)


def parse_plan(text: str) -> tuple[Window, ...]:
    """The windows of a plan.

    Raises:
        InvalidWindow: the text is not a plan that this version understands.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as cause:
        raise _unreadable(cause) from cause
    try:
        return _windows(document)
    except InvalidWindow as error:
        if error.problem == "unknown field":
            raise InvalidWindow(error.field, "is unknown here", _UPGRADE) from error
        raise


def plan_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan."""
    text = resources.files(__package__).joinpath("plan.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def format_instant(instant: datetime) -> str:
    """An instant as the API writes it: RFC 3339 in UTC, fractions only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_duration(duration: timedelta) -> str:
    """A duration of whole seconds as a manifest has it (GEP-2257), such as ``2h30m``."""
    minutes, seconds = divmod(duration // timedelta(seconds=1), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


# Writing


def _before(window: Window, begin: datetime) -> list[Occurrence]:
    """The occurrences that start before the horizon; all, where there is an end to them."""
    until = _END_OF_TIME if isinstance(window.timing, Fixed) else begin + HORIZON
    found = longest_between(window, begin, until)
    return list(itertools.islice(found, MOST_OCCURRENCES + 1))


def _entries(
    pairs: Sequence[tuple[Window, list[Occurrence]]], horizon: datetime
) -> list[dict[str, Any]]:
    behind = occurrences_behind([w for w, _ in pairs], [found for _, found in pairs], horizon)
    entries = []
    for (window, before), after in zip(pairs, behind, strict=True):
        # What has its instants already is known for ever, and without validUntil says so.
        if isinstance(window.timing, Fixed):
            entries.append(_entry(window, before))
        else:
            entries.append(_entry(window, before + after) | _times(validUntil=horizon))
    return entries


def _fitting(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those for which there is room; a large one leaves the others theirs."""
    kept = []
    size = 0
    for entry in entries:
        own_size = len(_json(entry).encode()) + len(",")
        if size + own_size <= MOST_BYTES - 256:
            kept.append(entry)
            size += own_size
    return kept


def _entry(window: Window, occurrences: Iterable[Occurrence]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "namespace": window.namespace,
        "name": window.name,
        "uid": window.uid,
        "generation": window.generation,
        "apps": list(window.apps),
        "mode": str(window.mode),
        "occurrences": [_times(start=o.start, end=o.end) for o in occurrences],
    }
    if window.match != EVERYTHING:
        entry["match"] = _match(window.match)
    if window.allow != NOBODY:
        entry["allow"] = _allow(window.allow)
    if window.response != Response():
        entry["response"] = _response(window.response)
    if window.announce_before is not None:
        entry["announceBefore"] = format_duration(window.announce_before)
    return entry


def _match(match: Match) -> dict[str, Any]:
    return _filled(paths=match.paths, methods=match.methods, dependencies=match.dependencies)


def _allow(allow: Allow) -> dict[str, Any]:
    """The tokens without their names, which are for people."""
    cidrs = [str(network) for network in allow.networks]
    tokens = [{"sha256": token_hash} for token_hash in allow.token_hashes]
    return _filled(paths=allow.paths, cidrs=cidrs, tokens=tokens)


def _filled(**lists: Sequence[Any]) -> dict[str, Any]:
    return {name: list(items) for name, items in lists.items() if items}


def _response(response: Response) -> dict[str, Any]:
    given: dict[str, Any] = {"statusCode": response.status_code}
    if response.message != DEFAULT_MESSAGE:
        given["message"] = response.message
    if response.retry_after_seconds is not None:
        given["retryAfterSeconds"] = response.retry_after_seconds
    if response.headers:
        given["headers"] = [{"name": name, "value": value} for name, value in response.headers]
    return given


def _times(**instants: datetime | None) -> dict[str, str]:
    return {name: format_instant(value) for name, value in instants.items() if value is not None}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# Reading


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose names are there once and have values."""
    values = dict(pairs)
    if len(values) < len(pairs) or None in values.values():
        raise ValueError("a name is there twice, or has no value")
    return values


def _unreadable(cause: Exception) -> InvalidWindow:
    return InvalidWindow("windows.json", f"is not JSON: {cause}", _MEND)


def _windows(document: Any) -> tuple[Window, ...]:
    if isinstance(document, Mapping):
        _check_version(document)
    entries = Fields("windows.json", document, _PLAN).raw("windows")
    if not isinstance(entries, list):
        raise InvalidWindow("windows.json.windows", "is not a list", _MEND)
    return tuple(_window(number, entry) for number, entry in enumerate(entries))


def _check_version(document: Mapping[str, Any]) -> None:
    """Before its fields, since those of another version are its own."""
    given = document.get("apiVersion"), document.get("kind")
    if given != (API_VERSION, PLAN_KIND):
        raise InvalidWindow("windows.json.kind", f"{given[0]} {given[1]} is unknown", _UPGRADE)


def _window(number: int, entry: Any) -> Window:
    fields = Fields(f"windows[{number}]", entry, _WINDOW)
    return Window(
        namespace=check_label(f"{fields.path}.namespace", fields.raw("namespace")),
        name=check_label(f"{fields.path}.name", fields.raw("name")),
        uid=_uid(fields),
        generation=fields.number("generation", 0, _MOST_GENERATIONS)
        if "generation" in fields
        else 0,
        apps=parse_apps(fields),
        timing=Fixed(
            tuple(_occurrences(fields)),
            fields.instant("validUntil", ANY_YEAR) if "validUntil" in fields else None,
        ),
        mode=parse_mode(fields),
        match=parse_match(fields),
        allow=parse_allow(fields, named=False),
        response=parse_response(fields),
        announce_before=parse_announcement(fields),
    )


def _uid(fields: Fields) -> str:
    """What the operator knows a window by; empty where it was read from a file."""
    return fields.text("uid") if fields.raw("uid") not in (None, "") else ""


def _occurrences(window: Fields) -> list[Occurrence]:
    values = window.raw("occurrences")
    if not isinstance(values, list):
        raise window.invalid("occurrences", "is not a list", _MEND)
    path = f"{window.path}.occurrences"
    found = [_occurrence(f"{path}[{number}]", value) for number, value in enumerate(values)]
    return sorted(found, key=lambda occurrence: occurrence.start)


def _occurrence(path: str, value: Any) -> Occurrence:
    times = Fields(path, value, ("start", "end"))
    end = times.instant("end", ANY_YEAR) if "end" in times else None
    occurrence = Occurrence(times.instant("start", ANY_YEAR), end)
    if end is not None and end <= occurrence.start:
        raise times.invalid("end", "is not after start", _MEND)
    return occurrence
