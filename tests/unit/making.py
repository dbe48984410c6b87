"""Windows and manifests in a few words, for tests that are about something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from fastapi_maintenance.backends import BaseStateBackend
from fastapi_maintenance.windows import (
    API_VERSION,
    KIND,
    OFF,
    SAFE_METHODS,
    Fixed,
    Mode,
    Network,
    Occurrence,
    Recurring,
    RequestFacts,
    State,
    Window,
    parse_manifest,
    state_at,
)


def at(text: str) -> datetime:
    """An instant, written as ``2026-03-29T01:00Z``."""
    instant = datetime.fromisoformat(text)
    assert instant.tzinfo is not None, text
    return instant


def fixed(*stretches: tuple[str, str | None]) -> Fixed:
    """Occurrences, each from its start and its end."""
    return Fixed(tuple(Occurrence(at(a), at(b) if b else None) for a, b in stretches))


def recurring(schedule: str, zone: str = "Etc/UTC", **duration: float) -> Recurring:
    """A schedule with a duration such as ``hours=2``; by default a quarter of an hour."""
    return Recurring(schedule, zone, timedelta(**duration or {"minutes": 15}))


def window(timing: Fixed | Recurring, **changes: Any) -> Window:
    """A window for every app."""
    given: dict[str, Any] = {"namespace": "shop", "name": "w", "apps": ("*",), **changes}
    return Window(timing=timing, **{**given, "mode": Mode(given.get("mode", "Full"))})


def manifest(name: str = "w", /, **spec: Any) -> dict[str, Any]:
    """A manifest for every app, open since 2026 unless told otherwise; None drops a field."""
    fields = {"apps": ["*"], **spec}
    if "schedule" not in fields:
        fields.setdefault("start", "2026-01-01T00:00:00Z")
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {field: value for field, value in fields.items() if value is not None},
    }


def stored(name: str = "w", /, version: int = 1, **spec: Any) -> dict[str, Any]:
    """A manifest as the API server gives it back."""
    item = manifest(name, **spec)
    item["metadata"] |= {
        "uid": f"uid-of-{name}",
        "generation": 1,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl", "operation": "Update"}],
    }
    return item


def parsed(name: str = "w", /, **spec: Any) -> Window:
    """The window of a manifest."""
    return parse_manifest(manifest(name, **spec))


@dataclass
class Asking(RequestFacts):
    """A request, as a decision sees it."""

    method: str = "GET"
    path: str = "/"
    dependencies: frozenset[str] = frozenset()
    address: str = "192.0.2.1"
    token_hash: str = ""

    def __post_init__(self) -> None:
        self.is_safe = self.method in SAFE_METHODS

    def comes_from(self, networks: Sequence[Network]) -> bool:
        return any(ip_address(self.address) in network for network in networks)

    def bears(self, hashes: Sequence[str]) -> bool:
        return self.token_hash in hashes


class Held(BaseStateBackend):
    """A backend that says what the test says, and remembers how it was treated."""

    def __init__(self, state: State = OFF) -> None:
        self.held = state
        self.calls: list[str] = []

    def state(self) -> State:
        return self.held

    async def wait_until_ready(self) -> None:
        self.calls.append("ready")

    def close(self) -> None:
        self.calls.append("close")


def open_since_2026(end: str | None = None, **changes: Any) -> State:
    """The state while a window is open, from the start of 2026 on."""
    given = window(fixed(("2026-01-01T00:00Z", end)), **changes)
    return state_at([given], "orders", at("2026-01-01T00:00Z"))
