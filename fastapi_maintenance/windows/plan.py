"""The plan: windows worked out into absolute occurrences, for readers that know no schedules.

The operator publishes it as ``windows.json`` in a ConfigMap. It is a pure function of the windows
and the day, so that it is written on a change and once a day.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .fields import ANY_YEAR, Fields
from .manifest import parse_apps, parse_generation, parse_mode, parse_response
from .model import API_VERSION, Fixed, InvalidWindow, Occurrence, Window
from .occurrences import occurrences_between
from .state import DEFAULT_MESSAGE, Response

PLAN_KIND = "MaintenancePlan"
HORIZON = timedelta(days=8)
"""Counted from midnight UTC, so that at least the next seven days are known."""
MOST_OCCURRENCES = 400
"""Of one window; a window that opens more often than every half hour does not fit."""
MOST_BYTES = 64 * 1024

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_PLAN = ("apiVersion", "kind", "windows")
_WINDOW = (
    "namespace", "name", "uid", "generation", "apps", "mode", "response", "occurrences",
    "validUntil",
)  # fmt: skip


def make_plan(windows: Iterable[Window], now: datetime) -> tuple[str, frozenset[str]]:
    """The plan as JSON, and the uids of the windows that are too large to be in it."""
    begin = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    entries = []
    too_large = set()
    size = 0
    for window in sorted(windows, key=lambda w: (w.namespace, w.name)):
        if window.suspend:
            continue
        entry = _entry(window, begin, begin + HORIZON)
        own_size = len(_json(entry).encode()) + len(",")
        if len(entry["occurrences"]) > MOST_OCCURRENCES or size + own_size > MOST_BYTES - 256:
            too_large.add(window.uid)
        else:
            entries.append(entry)
            size += own_size
    document = {"apiVersion": API_VERSION, "kind": PLAN_KIND, "windows": entries}
    return _json(document), frozenset(too_large)


def parse_plan(text: str) -> tuple[Window, ...]:
    """The windows of a plan.

    Raises:
        InvalidWindow: the text is not a plan that this version understands.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as cause:
        mend = "let the operator write it"
        raise InvalidWindow("windows.json", f"is not JSON: {cause}", mend) from cause
    plan = Fields("windows.json", document, _PLAN)
    if plan.raw("apiVersion") != API_VERSION or plan.raw("kind") != PLAN_KIND:
        given = f"{plan.raw('apiVersion')} {plan.raw('kind')}"
        raise plan.invalid("kind", f"{given} is unknown", "upgrade fastapi-maintenance here")
    entries = plan.raw("windows")
    if not isinstance(entries, list):
        raise plan.invalid("windows", "is not a list", "let the operator write it")
    return tuple(_window(number, entry) for number, entry in enumerate(entries))


def _entry(window: Window, begin: datetime, until: datetime) -> dict[str, Any]:
    # What has its instants already is known for ever, and without validUntil says so.
    fixed = isinstance(window.timing, Fixed)
    found = occurrences_between(window, begin, _END_OF_TIME if fixed else until)
    entry: dict[str, Any] = {
        "namespace": window.namespace,
        "name": window.name,
        "uid": window.uid,
        "generation": window.generation,
        "apps": list(window.apps),
        "mode": str(window.mode),
        "occurrences": [
            _times(start=o.start, end=o.end) for o in itertools.islice(found, MOST_OCCURRENCES + 1)
        ],
    }
    if not fixed:
        entry |= _times(validUntil=until)
    if window.response != Response():
        entry["response"] = _response(window.response)
    return entry


def _response(response: Response) -> dict[str, Any]:
    given: dict[str, Any] = {"statusCode": response.status_code}
    if response.message != DEFAULT_MESSAGE:
        given["message"] = response.message
    if response.retry_after_seconds is not None:
        given["retryAfterSeconds"] = response.retry_after_seconds
    if response.headers:
        given["headers"] = [{"name": name, "value": value} for name, value in response.headers]
    return given


def _window(number: int, entry: Mapping[str, Any]) -> Window:
    fields = Fields(f"windows[{number}]", entry, _WINDOW)
    return Window(
        namespace=fields.text("namespace"),
        name=fields.text("name"),
        uid=str(fields.raw("uid") or ""),
        generation=parse_generation(fields.path, entry),
        apps=parse_apps(fields),
        timing=Fixed(
            tuple(_occurrences(fields)),
            fields.instant("validUntil", ANY_YEAR) if "validUntil" in fields else None,
        ),
        mode=parse_mode(fields),
        response=parse_response(fields),
    )


def _occurrences(window: Fields) -> Iterator[Occurrence]:
    values = window.raw("occurrences")
    if not isinstance(values, list):
        raise window.invalid("occurrences", "is not a list", "let the operator write it")
    for number, value in enumerate(values):
        times = Fields(f"{window.path}.occurrences[{number}]", value, ("start", "end"))
        end = times.instant("end", ANY_YEAR) if "end" in times else None
        yield Occurrence(times.instant("start", ANY_YEAR), end)


def _times(**instants: datetime | None) -> dict[str, str]:
    return {name: format_instant(value) for name, value in instants.items() if value is not None}


def format_instant(instant: datetime) -> str:
    """An instant as the API writes it: RFC 3339 in UTC, fractions only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
