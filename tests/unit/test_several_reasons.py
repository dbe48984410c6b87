"""Where a window and a switch refuse at once, each exempts for itself alone."""

from __future__ import annotations

import functools
import itertools

import pytest
from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware
from fastapi_maintenance.windows import (
    Match,
    Mode,
    Opening,
    State,
    make_plan,
    parse_manifest,
    strictest,
    switched,
)
from tests.unit.gated import shop, status
from tests.unit.making import Held, at, open_since_2026, stored
from tests.unit.processes import ProcessServer, serve

LATER = "2100-01-01T00:00:00Z"
WINDOWS = [
    open_since_2026(end, mode=mode, match=match, name=mode.lower())
    for end, mode, match in itertools.product(
        (None, LATER), ("Full", "ReadOnly"), (Match(), Match(paths=("/orders",)))
    )
]
SWITCHES = [
    switched(Opening(mode, source=source, probes_pass=probes_pass))
    for mode, source, probes_pass in itertools.product(Mode, ("", "configmap=a/b"), (False, True))
]


SERVING = FastAPI()
for _path in ("/orders", "/healthz"):
    SERVING.api_route(_path, methods=["GET", "HEAD", "POST"])(lambda: "a book")


def around(state: State, read_only: bool) -> MaintenanceModeMiddleware:
    """A gate that is closed so."""
    return MaintenanceModeMiddleware(SERVING, backend=Held(state), read_only=read_only)


def refused(state: State, read_only: bool) -> set[tuple[str, str]]:
    """Which requests a gate refuses."""
    checked = around(state, read_only)
    return {
        (method, path)
        for method, path in itertools.product(("GET", "HEAD", "POST"), ("/orders", "/healthz"))
        if checked.rules.refusal(checked.facts(scope(method, path)), state) is not None
    }


def scope(method: str, path: str) -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}


@pytest.mark.parametrize("read_only", [False, True])
def test_what_one_reason_refuses_no_other_reason_lets_pass(read_only: bool) -> None:
    """Two at once, in any order, and three, of which two may be of one kind."""
    for several in itertools.permutations([*WINDOWS, *SWITCHES], 2):
        alone = [refused(state, read_only) for state in several]
        assert all(alone)
        assert refused(strictest(*several), read_only) == alone[0] | alone[1]
    for three in itertools.combinations([*WINDOWS[::3], *SWITCHES[::3]], 3):
        together = functools.reduce(strictest, three)
        alone = [refused(state, read_only) for state in three]
        assert refused(together, read_only) == set().union(*alone)


@pytest.mark.parametrize("end", [None, LATER])
def test_a_switch_for_writes_only_does_not_open_a_full_window(end: str | None) -> None:
    backends = [Held(switched(Opening())), Held(open_since_2026(end))]
    for given in (backends, backends[::-1]):
        assert status(shop(backend=given, read_only=True)) == 503


def test_a_switch_that_probes_do_not_pass_is_not_opened_by_a_window() -> None:
    both = [Held(switched(Opening())), Held(open_since_2026())]
    for given in (both, both[::-1]):
        assert status(shop(backend=given), "/healthz") == 503


def test_who_is_refused_is_told_by_what_refuses() -> None:
    """A switch that exempts the request is no reason, though it has no end."""
    state = strictest(switched(Opening()), open_since_2026(LATER))
    checked = around(state, read_only=True)
    refusal = checked.rules.refusal(checked.facts(scope("GET", "/orders")), state)
    assert refusal is not None
    assert (refusal.opening.source, refusal.until) == ("window=shop/w", at(LATER))


def test_a_switch_in_a_configmap_does_not_open_a_window_of_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan, _ = make_plan([parse_manifest(stored("move", end=LATER))], at("2026-06-01T12:00Z"))
    words = {"maintenance.orders": "on"}
    serve(
        ProcessServer(fastapi_maintenance=words, fastapi_maintenance_plan={"windows.json": plan}),
        monkeypatch,
    )
    backend = K8sBackend("orders", source="configmap")
    backend.wait()
    assert status(shop(backend=backend, read_only=True)) == 503
    backend.close()


def test_a_block_does_not_open_a_window_that_is_for_some_paths(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matching = stored("move", match={"paths": ["/orders"]})
    serve(ProcessServer(matching), monkeypatch)
    backend = K8sBackend("orders")
    backend.wait()
    app = shop(backend=backend, read_only=True)
    backend._own_blocks.open(True)
    assert status(app) == 503
    backend.close()
