"""Random, mutated and hostile manifests: the same ones for the same seed.

Each is valid at first; then something happens to it, or to the text that it is written as.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.hostile import HOSTILE, INTERESTING, SUM, TEXTS
from tests.rewriting import reworded, written

Spec = dict[str, Any]
WHOLE: Spec = {
    "apps": ["orders"],
    "suspend": True,
    "mode": "ReadOnly",
    "endedAt": "2026-06-01T22:00:00Z",
    "overrides": [
        {
            "occurrence": "2026-05-01T22:00:00Z",
            "start": "2026-05-02T22:00:00Z",
            "end": "2026-05-03T22:00:00Z",
            "skip": False,
            "reason": "Fair",
        },
        {"occurrence": "2026-06-01T22:00:00Z", "end": "2026-06-02T22:00:00Z"},
        {"occurrence": "2026-07-01T22:00:00Z", "skip": True},
    ],
    "exclusions": [
        {"start": "2026-05-01T22:00:00Z", "end": "2026-05-02T22:00:00Z", "reason": "Fair"}
    ],
    "match": {"paths": ["/api/*"], "methods": ["POST", "PUT"], "dependencies": ["orders-db"]},
    "allow": {
        "paths": ["/status"],
        "cidrs": ["10.0.0.0/8"],
        "tokens": [{"name": "anna", "sha256": SUM}],
    },
    "response": {
        "message": "Back at ten.",
        "statusCode": 500,
        "retryAfterSeconds": 60,
        "headers": [{"name": "X-Status", "value": "a"}],
    },
    "announceBefore": "24h",
    "description": "OPS-1",
}
"""All that windows of both kinds may have."""
ENDED = {"start": "2026-03-01T22:00:00Z", "end": "2026-09-01T22:00:00Z"}
ONCE: Spec = {**WHOLE, **ENDED, "ttlSecondsAfterFinished": 60}
LASTING: Spec = {"apps": ["orders"], "start": "2026-03-01T22:00:00Z", "duration": "1h"}
AGAIN: Spec = {
    **WHOLE, "schedule": "0 2 * * 6", "duration": "2h30m", "timeZone": "Europe/Berlin",
}  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "WEBSOCKET"]
MISSPELT = ["shedule", "Apps", "timezone", "\u200bapps", "apps ", "", "<<", "match", "reason"]


@dataclass(frozen=True)
class Case:
    """A manifest as text."""

    number: int
    text: str
    is_json: bool


def cases(count: int, seed: int = 2026) -> Iterator[Case]:
    """So many manifests; each depends on the seed and its own number alone."""
    for number in range(count):
        dice = random.Random(f"{seed}/{number}")
        manifest = valid(dice)
        for _ in range(dice.choice([0, 0, 1, 1, 1, 2])):
            mutate(dice, manifest)
        if dice.random() < 0.7:
            yield Case(number, json.dumps(manifest), is_json=True)
        else:
            yield Case(number, written(dice, manifest), is_json=False)


def edges() -> Iterator[Case]:
    """Every field with each of the values that it may just have, just not, or should never."""
    for base in (ONCE, LASTING, AGAIN):
        manifest = manifest_of(base)
        for n, (container, key) in enumerate(list(places(base))):
            common = base is not ONCE and (key in ONCE or container is not base)
            for value in [] if common else [*HOSTILE, *INTERESTING.get(key, TEXTS)]:
                changed = copy.deepcopy(manifest)
                container, _ = list(places(changed["spec"]))[n]
                container[key] = value
                yield Case(-n, json.dumps(changed), is_json=True)
    for text in reworded(manifest_of(ONCE)):
        yield Case(0, text, is_json=False)


def manifest_of(spec: Spec, name: str = "w") -> dict[str, Any]:
    """A manifest, as a mapping."""
    kind = {"apiVersion": "fastapi-maintenance.io/v1alpha1", "kind": "MaintenanceWindow"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def valid(dice: random.Random) -> dict[str, Any]:
    """A manifest with some of all the fields."""
    spec: Spec = {"apps": some(dice, lambda: dice.choice(["*", "orders", "billing-*", "a.b_C"]))}
    spec |= timing(dice)
    for name, make in OPTIONAL.items():
        if dice.random() < 0.25:
            spec[name] = make(dice)
    if "schedule" not in spec and dice.random() < 0.2:
        spec["ttlSecondsAfterFinished"] = dice.choice([0, 60, 31_536_000])
    return manifest_of(spec, dice.choice(["w", "a-1", "x" * 63]))


def some(dice: random.Random, make: Callable[[], Any], most: int = 3) -> list[Any]:
    """A short list."""
    return [make() for _ in range(dice.randint(1, most))]


def instant(dice: random.Random, month: int) -> str:
    """An instant of a month, by one of several offsets."""
    day, hour = dice.randint(1, 28), dice.randint(0, 23)
    zone = dice.choice(["Z", "+02:00", "-09:30"])
    return f"2026-{month:02d}-{day:02d}T{hour:02d}:{dice.choice([0, 30]):02d}:00{zone}"


def timing(dice: random.Random) -> Spec:
    """When it is open."""
    if dice.random() < 0.5:
        ends: list[Spec] = [
            {},
            {"end": instant(dice, 6)},
            {"duration": dice.choice(["90s", "2h30m", "1h"])},
        ]
        return {"start": instant(dice, 3), **dice.choice(ends)}
    schedule = dice.choice(["0 2 * * 6", "*/5 * * * *", "0 3 L * *", "30 1 * * MON#1", "* * * * *"])
    return {
        "schedule": schedule,
        "duration": dice.choice(["1h", "9600h", "45m"]),
        "timeZone": dice.choice(["Europe/Berlin", "Etc/UTC", "Australia/Lord_Howe"]),
    }


def overrides(dice: random.Random) -> list[Any]:
    """One for each of some months, so that none is named twice."""
    months = dice.sample(range(1, 10), dice.randint(1, 4))
    return [{"occurrence": instant(dice, month), **change(dice)} for month in months]


def change(dice: random.Random) -> Spec:
    """What becomes of an occurrence."""
    later, last = instant(dice, 10), instant(dice, 12)
    changes: list[Spec] = [
        {"skip": True},
        {"start": later},
        {"end": last},
        {"start": later, "end": last},
    ]
    reason = {"reason": "Fair"} if dice.random() < 0.3 else {}
    return {**dice.choice(changes), **reason}


def exclusion(dice: random.Random) -> Spec:
    """A stretch of some months."""
    return {"start": instant(dice, 4), "end": instant(dice, 8)}


def match(dice: random.Random) -> Spec:
    """Some of the ways to narrow a window."""
    ways: Spec = {
        "paths": some(dice, lambda: dice.choice(["/api/*", "*.csv", "/ü"])),
        "methods": ["POST", *some(dice, lambda: dice.choice(METHODS))],
        "dependencies": some(dice, lambda: dice.choice(["orders-db", "a.b"])),
    }
    return {name: ways[name] for name in dice.sample(sorted(ways), dice.randint(1, 3))}


def allow(dice: random.Random) -> Spec:
    """Some of the ways through."""
    networks = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::/0"]
    ways: Spec = {
        "paths": some(dice, lambda: dice.choice(["/status", "/hooks/*"])),
        "cidrs": some(dice, lambda: dice.choice(networks)),
        "tokens": some(dice, lambda: {"name": "anna", "sha256": SUM}),
    }
    return {name: ways[name] for name in dice.sample(sorted(ways), dice.randint(1, 3))}


def response(dice: random.Random) -> Spec:
    """Some of what an answer may say."""
    ways: Spec = {
        "message": dice.choice(["Back at ten.", "Gleich zurück\n\tbis zehn"]),
        "statusCode": dice.choice([503, 400, 599, 503.0]),
        "retryAfterSeconds": dice.choice([0, 120]),
        "headers": some(dice, lambda: {"name": "X-Status", "value": "a b"}),
    }
    return {name: ways[name] for name in dice.sample(sorted(ways), dice.randint(1, 4))}


OPTIONAL: dict[str, Callable[[random.Random], Any]] = {
    "suspend": lambda dice: dice.random() < 0.5,
    "mode": lambda dice: dice.choice(["Full", "ReadOnly"]),
    "endedAt": lambda dice: instant(dice, 5),
    "overrides": overrides,
    "exclusions": lambda dice: some(dice, lambda: exclusion(dice)),
    "match": match,
    "allow": allow,
    "response": response,
    "announceBefore": lambda dice: dice.choice(["24h", "720h", "90s"]),
    "description": lambda dice: dice.choice(["OPS-1", "Ü\n"]),
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container within a value, with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value if isinstance(value, dict) else range(len(value))):
            yield value, key
            yield from places(value[key])


def mutate(dice: random.Random, manifest: dict[str, Any]) -> None:
    """Let something happen to one place of the spec, or seldom to what is around it."""
    whole = [(manifest, "spec"), (manifest, "apiVersion"), (manifest, "kind")]
    around = [*whole, (manifest["metadata"], "name")] if "name" in manifest["metadata"] else whole
    found = list(places(manifest.get("spec"))) if dice.random() < 0.95 else []
    container, key = dice.choice(found or around)
    if key in container if isinstance(container, dict) else True:
        dice.choice(MUTATIONS)(dice, container, key)


def drop(dice: random.Random, container: Any, key: Any) -> None:
    """Leave it out."""
    del container[key]


def replace(dice: random.Random, container: Any, key: Any) -> None:
    """Another value of any kind."""
    container[key] = copy.deepcopy(dice.choice(HOSTILE))


def fit(dice: random.Random, container: Any, key: Any) -> None:
    """Another value such as fields of this name may have, right or just wrong."""
    container[key] = copy.deepcopy(dice.choice(INTERESTING.get(key, TEXTS)))


def spoil(dice: random.Random, container: Any, key: Any) -> None:
    """A character more, fewer or another."""
    text = container[key]
    if not isinstance(text, str) or not text:
        return replace(dice, container, key)
    at = dice.randrange(len(text))
    extra = dice.choice(["", " ", "0", "*", "-", "/", ":", "\n", "\x00", "\u200b", "\ufeff", "é"])
    container[key] = text[:at] + extra + text[at + dice.randint(0, 1) :]
    return None


def recase(dice: random.Random, container: Any, key: Any) -> None:
    """In other letters."""
    if isinstance(container[key], str):
        container[key] = dice.choice([str.upper, str.lower, str.title])(container[key])


def misspell(dice: random.Random, container: Any, key: Any) -> None:
    """A field that is none here."""
    if isinstance(container, dict):
        container[dice.choice(MISSPELT)] = container.pop(key)


def add(dice: random.Random, container: Any, key: Any) -> None:
    """A field of another kind of window."""
    if isinstance(container, dict):
        name = dice.choice([name for name in INTERESTING if isinstance(name, str)])
        container[name] = copy.deepcopy(dice.choice(INTERESTING[name]))


def repeat(dice: random.Random, container: Any, key: Any) -> None:
    """Many of the same."""
    if isinstance(container[key], list | str):
        container[key] = container[key] * dice.choice([2, 9, 17, 64, 65, 300])


MUTATIONS = (drop, replace, replace, fit, fit, fit, spoil, spoil, recase, misspell, add, repeat)
