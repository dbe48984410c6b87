"""What is said of maintenance that is coming, to whom, and from when on."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI, Response, WebSocket
from starlette.testclient import TestClient

from fastapi_maintenance import MaintenanceModeMiddleware, force_maintenance_mode_off
from fastapi_maintenance.windows import (
    OFF,
    Allow,
    Announcement,
    Match,
    Mode,
    Opening,
    State,
    Window,
    next_edge,
    state_at,
    strictest,
    switched,
)
from tests.unit.gated import shop
from tests.unit.making import Asking, Held, at, fixed, recurring, window

HOUR = timedelta(hours=1)
BEFORE, LAST = "2026-06-01T10:59:59Z", "2026-06-01T11:59:59Z"
ELEVEN, NOON, ONE = "2026-06-01T11:00Z", "2026-06-01T12:00Z", "2026-06-01T13:00Z"
HALF_PAST = "2026-06-01T11:30Z"
SAID = "starts=2026-06-01T12:00:00Z, ends=2026-06-01T13:00:00Z, mode=Full"


def coming(name: str = "w", end: str | None = ONE, **changes: Any) -> Window:
    """A window at noon that is announced an hour before."""
    return window(fixed((NOON, end)), name=name, **{"announce_before": HOUR, **changes})


def said(windows: list[Window], now: str = HALF_PAST, asking: Asking | None = None) -> Any:
    return state_at(windows, "orders", at(now)).announcement(asking or Asking())


def answer(state: State, path: str = "/orders", method: str = "GET", **options: Any) -> Any:
    client = TestClient(shop(backend=Held(state), **options))
    return client.request(method, path).headers.get("X-Maintenance")


def soon(*windows: Window) -> State:
    return state_at(windows or [coming()], "orders", at(HALF_PAST))


@pytest.mark.parametrize(
    ("now", "is_said"),
    [
        ("2026-06-01T10:59:59Z", False),
        (ELEVEN, True),
        ("2026-06-01T11:59:59Z", True),
        (NOON, False),
    ],
)
def test_a_window_is_announced_from_so_long_before_until_its_start(now: str, is_said: bool) -> None:
    expected = Announcement(at(NOON), at(ONE), Mode.FULL) if is_said else None
    assert said([coming()], now) == expected


@pytest.mark.parametrize(
    ("now", "edge"), [("2026-06-01T10:00Z", ELEVEN), (ELEVEN, NOON), (NOON, ONE), (ONE, None)]
)
def test_a_state_ends_where_an_announcement_begins(now: str, edge: str | None) -> None:
    assert next_edge([coming()], "orders", at(now)) == (at(edge) if edge else None)
    state = state_at([coming()], "orders", at(now))
    assert state.valid_until == (at(edge).timestamp() if edge else float("inf"))


def test_neither_a_suspended_window_nor_one_of_others_is_announced() -> None:
    assert said([coming(suspend=True), coming(apps=("billing",))]) is None


def test_the_soonest_is_announced() -> None:
    later = window(fixed(("2026-06-01T12:10Z", None)), name="a", announce_before=2 * HOUR)
    assert said([later, coming()]) == Announcement(at(NOON), at(ONE), Mode.FULL)


def test_of_an_announced_window_the_next_piece_counts() -> None:
    nightly = window(recurring("0 12 * * *", hours=1), announce_before=24 * HOUR)
    assert said([nightly], ONE).start == at("2026-06-02T12:00Z")


@pytest.mark.parametrize(
    ("changes", "asking", "is_said"),
    [
        ({"mode": "ReadOnly"}, Asking("GET"), False),
        ({"mode": "ReadOnly"}, Asking("POST"), True),
        ({"match": Match(paths=("/orders*",))}, Asking(path="/orders/1"), True),
        ({"match": Match(paths=("/orders*",))}, Asking(path="/books"), False),
        ({"allow": Allow(paths=("/books",))}, Asking(path="/books"), False),
        ({"match": Match(dependencies=("db",))}, Asking(dependencies=frozenset({"db"})), True),
    ],
)
def test_it_is_said_to_those_who_will_be_refused(
    changes: dict[str, Any], asking: Asking, is_said: bool
) -> None:
    assert (said([coming(**changes)], asking=asking) is not None) is is_said


def test_of_two_states_the_soonest_is_announced() -> None:
    later = soon(window(fixed(("2026-06-01T12:10Z", None)), announce_before=2 * HOUR))
    for both in (strictest(later, soon()), strictest(soon(), later)):
        assert both.announcement(Asking()) == Announcement(at(NOON), at(ONE), Mode.FULL)


def test_a_state_is_calm_while_there_is_nothing_to_say() -> None:
    assert (OFF.quiet, OFF.calm) == (True, True)
    assert (soon().quiet, soon().calm) == (True, False)
    on = switched(Opening())
    assert (on.quiet, on.calm) == (False, False)


# At the gate


def test_an_answer_says_what_is_coming() -> None:
    assert answer(soon()) == SAID


def test_without_an_end_none_is_said() -> None:
    expected = "starts=2026-06-01T12:00:00Z, mode=ReadOnly"
    assert answer(soon(coming(end=None, mode="ReadOnly")), method="POST") == expected


def test_many_answers_say_it_and_none_of_those_before_and_after() -> None:
    """Also an application whose responses need no look any more."""
    held = Held(OFF)
    client = TestClient(shop(backend=held))
    for state, expected in ((OFF, None), (soon(), SAID), (OFF, None)):
        held.held = state
        found = {client.get("/orders").headers.get("X-Maintenance") for _ in range(300)}
        assert found == {expected}


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/nothing", {}),
        ("/healthz", {}),
        ("/docs", {}),
        ("/orders", {"exempt_paths": ["/orders"]}),
        ("/orders", {"exempt_cidrs": ["0.0.0.0/0"], "trusted_proxies": []}),
    ],
    ids=["unknown", "health", "docs", "exempt path", "client without an address"],
)
def test_who_will_be_served_then_is_told_nothing(path: str, options: dict[str, Any]) -> None:
    client = TestClient(shop(backend=Held(soon()), **options), client=("192.0.2.1", 1))
    assert "X-Maintenance" not in client.get(path).headers


def test_what_is_forced_off_will_be_served_then() -> None:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(soon()))
    app.get("/orders")(force_maintenance_mode_off(lambda: "a book"))
    assert "X-Maintenance" not in TestClient(app).get("/orders").headers


def test_a_header_of_the_applications_own_stays() -> None:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(soon()))

    @app.get("/orders")
    def own() -> Response:
        return Response(headers={"X-Maintenance": "mine"})

    found = TestClient(app).get("/orders").headers
    assert found.get_list("X-Maintenance") == ["mine"]


def test_a_refusal_says_why_and_nothing_of_what_is_coming() -> None:
    writes = window(fixed((ELEVEN, ONE)), name="now", mode="ReadOnly")
    state = soon(writes, coming())
    assert answer(state, method="POST") == "window=shop/now"
    assert answer(state, method="GET") == SAID


def test_a_switch_that_is_on_beside_it_refuses_as_ever() -> None:
    state = strictest(switched(Opening(source="switch")), soon())
    assert answer(state) == "switch"


def test_a_socket_opens_as_ever() -> None:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(soon()))

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")

    with TestClient(app).websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"
        assert b"x-maintenance" not in dict(socket.extra_headers or ())


def test_a_link_with_a_token_of_a_window_to_come_is_served_as_it_is() -> None:
    """The gate is not closed yet, so that there is nothing to enter."""
    token = "0" * 32
    allowed = Allow(token_hashes=(hashlib.sha256(token.encode()).hexdigest(),))
    client = TestClient(shop(backend=Held(soon(coming(allow=allowed)))), follow_redirects=False)
    found = client.get("/orders", params={"maintenance-bypass": token})
    assert (found.status_code, found.headers.get("X-Maintenance")) == (200, None)
