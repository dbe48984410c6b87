"""The fingerprint of all that decides who is refused, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from fastapi_maintenance.windows.match import Allow, Match
from fastapi_maintenance.windows.model import Exclusion, Override, Window
from fastapi_maintenance.windows.scope import RECIPE, counts_for, scope_of
from fastapi_maintenance.windows.state import Mode, Response
from tests.unit.making import at, fixed, recurring, window

BASE = window(
    fixed(("2026-01-01T00:00Z", "2026-01-02T00:00Z")),
    apps=("orders", "billing"),
    match=Match(("/api/*", "/v2/*"), ("POST", "PUT"), ("orders-db", "cache")),
    allow=Allow(("/api/status",), (ip_network("10.0.0.0/8"),), ("ab" * 32, "cd" * 32)),
)

SAME: dict[str, dict[str, Any]] = {
    "a later end": {"timing": fixed(("2026-01-01T00:00Z", "2026-01-03T00:00Z"))},
    "a schedule": {"timing": recurring("0 2 * * *")},
    "another answer": {"response": Response("Back at ten", 500)},
    "a description": {"description": "OPS-17"},
    "an announcement": {"announce_before": timedelta(hours=1)},
    "an end for good": {"ended_at": at("2026-01-01T12:00Z")},
    "an exclusion": {"exclusions": (Exclusion(at("2026-01-01T01:00Z"), at("2026-01-01T02:00Z")),)},
    "an override": {"overrides": (Override(at("2026-01-01T00:00Z"), skip=True),)},
    "a time to live": {"ttl_seconds_after_finished": 60},
    "another generation": {"generation": 7, "uid": "u", "name": "x", "namespace": "y"},
    "another order of apps": {"apps": ("billing", "orders", "billing")},
    "another order in match": {
        "match": Match(("/v2/*", "/api/*"), ("PUT", "POST"), ("cache", "orders-db"))
    },
}

OTHER: dict[str, dict[str, Any]] = {
    "an app more": {"apps": ("orders", "billing", "stock")},
    "another mode": {"mode": Mode.READ_ONLY},
    "a path fewer": {"match": replace(BASE.match, paths=("/api/*",))},
    "no paths, which is all": {"match": replace(BASE.match, paths=())},
    "a method fewer": {"match": replace(BASE.match, methods=("POST",))},
    "a dependency fewer": {"match": replace(BASE.match, dependencies=("cache",))},
    "nothing narrowed": {"match": Match()},
    "an allowed path more": {"allow": replace(BASE.allow, paths=("/api/status", "/api/me"))},
    "another network": {"allow": replace(BASE.allow, networks=(ip_network("10.0.0.0/9"),))},
    "a token fewer": {"allow": replace(BASE.allow, token_hashes=("ab" * 32,))},
    "nobody allowed": {"allow": Allow()},
}


def changed(changes: dict[str, Any]) -> Window:
    return replace(BASE, **changes)


@pytest.mark.parametrize("fact", SAME)
def test_what_does_not_decide_who_is_refused_leaves_the_scope_as_it_is(fact: str) -> None:
    assert scope_of(changed(SAME[fact])) == scope_of(BASE)


@pytest.mark.parametrize("fact", OTHER)
def test_what_decides_who_is_refused_makes_another_scope(fact: str) -> None:
    assert scope_of(changed(OTHER[fact])) != scope_of(BASE)


def test_each_of_these_scopes_is_another() -> None:
    """A value moved from one field to its neighbour is no accident that goes unseen."""
    scopes = {scope_of(changed(changes)) for changes in OTHER.values()}
    moved = changed({"match": Match(methods=BASE.match.dependencies)})
    assert len(scopes | {scope_of(moved), scope_of(BASE)}) == len(OTHER) + 2


def test_the_recipe_is_versioned_and_its_result_is_fixed() -> None:
    """Processes of two releases compare their scopes: whoever changes this changes RECIPE."""
    assert (RECIPE, scope_of(BASE)) == ("1", "1:1d92d4a85f5a0baf9c40148d1fbc5403")


def test_every_field_of_a_window_is_decided_about() -> None:
    """A new field either decides who is refused, and goes into the scope, or it does not."""
    deciding = {"apps", "mode", "match", "allow"}
    when_and_how = {
        "namespace", "name", "uid", "generation", "timing", "suspend", "overrides", "ended_at",
        "exclusions", "announce_before", "response", "description", "ttl_seconds_after_finished",
    }  # fmt: skip
    assert set(Window.__dataclass_fields__) == deciding | when_and_how


@pytest.mark.parametrize(
    ("app", "counts"), [("orders", True), ("stock", False), (None, True)], ids=str
)
def test_a_process_without_an_app_name_counts_for_every_window(
    app: str | None, counts: bool
) -> None:
    """Others count for the windows that match them."""
    assert counts_for(BASE, app) is counts
