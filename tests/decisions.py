"""Random windows with all that can be said of one, and what they decide about some requests.

For tests that two ways to the same windows lead to the same decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice, product
from random import Random
from typing import Any

from fastapi_maintenance.windows import (
    API_VERSION,
    KIND,
    Window,
    format_instant,
    occurrences_between,
    parse_manifest,
    state_at,
)
from tests.unit.making import Asking

TOKEN_HASH = sha256(b"a token").hexdigest()
REQUESTS = tuple(
    Asking(method, path, dependencies, address, token_hash)
    for method, path, (dependencies, address, token_hash) in product(
        ("GET", "POST", "WEBSOCKET"),
        ("/", "/orders/1", "/status"),
        (
            (frozenset[str](), "192.0.2.1", ""),
            (frozenset({"orders-db"}), "192.0.2.1", ""),
            (frozenset({"orders-db"}), "10.1.2.3", ""),
            (frozenset[str](), "192.0.2.1", TOKEN_HASH),
        ),
    )
)

SCHEDULES = (
    "30 2 * * *", "0 */6 * * *", "0 22 * * SAT,SUN", "15,45 2 * * *", "0 0 L * *", "*/30 1-3 * * *",
)  # fmt: skip
ZONES = ("Europe/Berlin", "Etc/UTC", "Australia/Lord_Howe", "Asia/Kathmandu", "America/New_York")
HALF_HOUR = timedelta(minutes=30)


def decisions(windows: Iterable[Window], app: str | None, now: datetime) -> tuple[object, ...]:
    """All that an application can tell of windows at an instant, and until when that holds."""
    state = state_at(windows, app, now)
    met = tuple((state.refusal(request), state.announcement(request)) for request in REQUESTS)
    return state.reads, state.writes, state.upcoming, state.valid_until, met


def random_manifests(random: Random, namespace: str, now: datetime, most: int) -> list[Any]:
    """Manifests of windows around an instant; each is valid."""
    number = random.randint(1, most)
    return [random_manifest(random, namespace, f"w{n}", now) for n in range(number)]


def random_manifest(random: Random, namespace: str, name: str, now: datetime) -> dict[str, Any]:
    """One of them."""
    spec = {"apps": random.choice((["*"], ["ord*", "stock"], ["billing"])), **_timing(random, now)}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    overrides = _overrides(random, parse_manifest(manifest), now)
    spec.update(overrides, **_cuts(random, now), **_whom(random), **_answers(random))
    return manifest


def _sometimes(
    random: Random, name: str, value: Callable[[], Any], one_in: int = 3
) -> dict[str, Any]:
    return {name: value()} if random.randrange(one_in) == 0 else {}


def _around(random: Random, now: datetime, hours: int) -> datetime:
    return now + random.randint(-2 * hours, 2 * hours) * HALF_HOUR


def _timing(random: Random, now: datetime) -> dict[str, Any]:
    duration = random.choice(("1m", "45m", "6h", "24h", "33h20m"))
    if random.randrange(3):
        schedule, zone = random.choice(SCHEDULES), random.choice(ZONES)
        return {"schedule": schedule, "timeZone": zone, "duration": duration}
    start = format_instant(_around(random, now, 300))
    return {"start": start} | _sometimes(random, "duration", lambda: duration, 2)


def _overrides(random: Random, window: Window, now: datetime) -> dict[str, Any]:
    found = islice(occurrences_between(window, now - 48 * HALF_HOUR, now.replace(year=2990)), 40)
    known = list(dict.fromkeys(occurrence.start for occurrence in found)) or [now]
    chosen = random.sample(known, min(len(known), random.choice((0, 0, 1, 3))))
    items = [_override(random, start) for start in [*chosen, *_nothing(random, now)]]
    return {"overrides": items} if items else {}


def _nothing(random: Random, now: datetime) -> list[datetime]:
    """An occurrence that there hardly is."""
    return [now + timedelta(seconds=1)] if random.randrange(4) == 0 else []


def _override(random: Random, start: datetime) -> dict[str, Any]:
    moved = start + random.choice((-3, -1, 0, 1, 5, 30, 400)) * HALF_HOUR
    end = max(moved, start) + random.choice((1, 4, 100)) * HALF_HOUR
    given = {"occurrence": format_instant(start), "reason": "it had to be"}
    changes: list[dict[str, Any]] = [
        {"skip": True},
        {"start": format_instant(moved)},
        {"end": format_instant(end)},
        {"start": format_instant(moved), "end": format_instant(end)},
    ]
    return given | random.choice(changes)


def _cuts(random: Random, now: datetime) -> dict[str, Any]:
    def exclusion() -> dict[str, str]:
        start = _around(random, now, 250)
        end = start + random.choice((1, 7, 96)) * HALF_HOUR
        return {"start": format_instant(start), "end": format_instant(end)}

    return (
        _sometimes(
            random, "exclusions", lambda: [exclusion() for _ in range(random.choice((1, 5)))]
        )
        | _sometimes(random, "endedAt", lambda: format_instant(_around(random, now, 100)), 5)
        | _sometimes(random, "suspend", lambda: True, 10)
    )


def _whom(random: Random) -> dict[str, Any]:
    match: dict[str, Any] = (
        _sometimes(random, "paths", lambda: ["/orders/*"])
        | _sometimes(random, "methods", lambda: ["POST", "WEBSOCKET"])
        | _sometimes(random, "dependencies", lambda: ["orders-db"])
    )
    allow: dict[str, Any] = (
        _sometimes(random, "paths", lambda: ["/status"])
        | _sometimes(random, "cidrs", lambda: ["10.0.0.0/8", "2001:db8::/32"])
        | _sometimes(random, "tokens", lambda: [{"name": "anna", "sha256": TOKEN_HASH}])
    )
    narrowed = random.randrange(2) == 0
    given = {"match": match, "allow": allow} if narrowed else {}
    return {name: value for name, value in given.items() if value} | _sometimes(
        random, "mode", lambda: "ReadOnly"
    )


def _answers(random: Random) -> dict[str, Any]:
    headers = [{"name": "X-Status-Page", "value": "https://status.example"}]
    return (
        _sometimes(random, "announceBefore", lambda: random.choice(("90s", "2h30m", "720h")))
        | _sometimes(random, "description", lambda: "OPS-1, Anna")
        | _sometimes(
            random,
            "response",
            lambda: {"message": "Zur\u00fcck um zehn", "retryAfterSeconds": 0, "headers": headers},
        )
    )
