"""What windows mean for a request: modes, apps, the union of windows, and the next edge."""

from __future__ import annotations

import math

import pytest

from fastapi_maintenance.windows import (
    OFF,
    Allow,
    Exclusion,
    Match,
    Mode,
    Opening,
    Refusal,
    Response,
    Window,
    applies_to,
    state_at,
    strictest,
    switched,
)
from tests.unit.making import Asking, at, fixed, recurring, window

NOON = "2026-06-01T12:00Z"
ONE = "2026-06-01T13:00Z"
TWO = "2026-06-01T14:00Z"
THREE = "2026-06-01T15:00Z"


def until(refusal: Refusal | None) -> str | None:
    assert refusal is not None
    return f"{refusal.until:%Y-%m-%dT%H:%MZ}" if refusal.until else None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "WEBSOCKET"])
def test_a_full_window_refuses_every_method(method: str) -> None:
    state = state_at([window(fixed((NOON, ONE)))], "orders", at(NOON))
    refusal = state.refusal(Asking(method))
    assert refusal is not None
    assert refusal.opening == Opening(
        Mode.FULL, Response(), "window=shop/w", at(ONE), probes_pass=True
    )


@pytest.mark.parametrize(
    ("method", "refused"),
    [
        ("GET", False),
        ("HEAD", False),
        ("OPTIONS", False),
        ("POST", True),
        ("PROPFIND", True),
        ("get", True),
        ("WEBSOCKET", True),
    ],
)
def test_a_read_only_window_lets_the_safe_methods_pass(method: str, refused: bool) -> None:
    state = state_at([window(fixed((NOON, ONE)), mode="ReadOnly")], "orders", at(NOON))
    assert (state.refusal(Asking(method)) is not None) is refused


def test_outside_its_occurrences_a_window_refuses_nothing() -> None:
    windows = [window(fixed((NOON, ONE)))]
    for instant in ("2026-06-01T11:59:59Z", ONE):
        state = state_at(windows, "orders", at(instant))
        assert (state.reads, state.writes) == (None, None)


def test_a_suspended_window_never_opens_and_has_no_edge() -> None:
    state = state_at([window(fixed((NOON, ONE)), suspend=True)], "orders", at(NOON))
    assert (state.writes, state.valid_until) == (None, math.inf)


@pytest.mark.parametrize(
    ("apps", "app", "concerned"),
    [
        (("orders",), "orders", True),
        (("orders",), "Orders", False),
        (("orders",), "orders-v2", False),
        (("orders*",), "orders-v2", True),
        (("billing", "*-db"), "orders-db", True),
        (("a.b",), "axb", False),
        (("*",), None, True),
        (("*", "orders"), None, True),
        (("orders",), None, False),
        (("**",), "orders", True),
    ],
)
def test_windows_concern_apps_by_name_or_pattern(
    apps: tuple[str, ...], app: str | None, concerned: bool
) -> None:
    """An app without a name is concerned only by windows for every app."""
    assert applies_to(window(fixed((NOON, ONE)), apps=apps), app) is concerned


def test_with_an_open_end_nobody_knows_until_when() -> None:
    state = state_at([window(fixed((NOON, None)))], "orders", at(ONE))
    assert until(state.writes) is None
    assert state.valid_until == math.inf


@pytest.mark.parametrize(
    ("windows", "end"),
    [
        ([fixed((NOON, ONE)), fixed((ONE, TWO))], TWO),
        ([fixed((NOON, ONE)), fixed(("2026-06-01T12:30Z", TWO)), fixed((TWO, THREE))], THREE),
        ([fixed((NOON, ONE)), fixed(("2026-06-01T13:00:01Z", TWO))], ONE),
        ([fixed((NOON, THREE)), fixed((NOON, ONE))], THREE),
        ([fixed((NOON, ONE)), recurring("0 13 * * *", hours=1)], TWO),
        ([fixed((NOON, ONE)), fixed((ONE, None))], None),
        ([fixed((NOON, ONE), (ONE, TWO))], TWO),
    ],
    ids=["adjoining", "overlapping", "a gap", "contained", "schedule", "open end", "one window"],
)
def test_until_is_the_end_of_the_unbroken_union_of_windows(
    windows: list[object], end: str | None
) -> None:
    given = [window(timing, name=f"w{n}") for n, timing in enumerate(windows)]  # type: ignore[arg-type]
    assert until(state_at(given, "orders", at("2026-06-01T12:45Z")).writes) == end


def test_a_request_is_told_of_the_windows_that_refuse_it_only() -> None:
    """A read is served when the full window ends, a write when the read-only one does."""
    windows = [
        window(fixed((NOON, ONE)), name="full"),
        window(fixed((ONE, TWO)), name="reads", mode="ReadOnly"),
        window(fixed((TWO, THREE)), name="another", apps=("billing",)),
    ]
    state = state_at(windows, "orders", at(NOON))
    assert (until(state.reads), until(state.writes)) == (ONE, TWO)


def test_the_answer_comes_from_the_open_window_that_ends_last() -> None:
    windows = [
        window(fixed((NOON, TWO)), name="long"),
        window(fixed((NOON, ONE)), name="short"),
        window(fixed((NOON, None)), name="writes", mode="ReadOnly"),
    ]
    state = state_at(windows, "orders", at(NOON))
    assert state.reads is not None
    assert state.writes is not None
    assert state.reads.opening.source == "window=shop/long"
    assert state.writes.opening.source == "window=shop/writes"


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_windows_that_end_together_every_process_names_the_same(names: str) -> None:
    """In whatever order it came to know them."""
    windows = [window(fixed((NOON, ONE)), name=name) for name in names]
    refusal = state_at(windows, "orders", at(NOON)).reads
    assert refusal is not None
    assert refusal.opening.source == "window=shop/a"


def test_a_schedule_without_gaps_ends_somewhere_all_the_same() -> None:
    """Looking for the end of a union is bounded work."""
    state = state_at([window(recurring("* * * * *", minutes=1))], "orders", at(NOON))
    assert until(state.writes) == "2026-06-01T12:33Z"


def test_the_union_is_of_the_windows_that_refuse_the_request() -> None:
    """One that is for some requests follows one that is for all: it refuses those some on."""
    windows = [
        window(fixed((NOON, ONE)), name="all"),
        window(fixed((ONE, TWO)), name="orders", match=Match(paths=("/orders*",))),
        window(fixed((TWO, THREE)), name="writes", mode="ReadOnly", allow=Allow(paths=("/a",))),
    ]
    state = state_at(windows, "orders", at(NOON))
    assert until(state.refusal(Asking(path="/books"))) == ONE
    assert until(state.refusal(Asking(path="/orders/1"))) == TWO
    assert until(state.refusal(Asking("POST", path="/orders/1"))) == THREE


def test_of_unions_that_end_together_the_open_window_that_ends_last_answers() -> None:
    windows = [
        window(fixed((NOON, ONE)), name="short"),
        window(fixed((NOON, TWO)), name="long", match=Match(paths=("/orders",))),
        window(fixed((ONE, THREE)), name="next"),
    ]
    refusal = state_at(windows, "orders", at(NOON)).refusal(Asking(path="/orders"))
    assert refusal is not None
    assert (refusal.opening.source, until(refusal)) == ("window=shop/long", THREE)


def test_the_open_window_that_ends_last_answers_however_far_other_unions_are_followed() -> None:
    """Of more windows, the occurrences that are looked at for the end of a union reach less far."""
    writes = Match(methods=("POST",))
    windows = [
        window(recurring("0 0 * * *", hours=24), name="daily"),
        window(recurring("0 * * * *", hours=1), name="hourly", match=writes),
        window(fixed(("2026-06-01T00:00Z", "2026-06-04T00:00Z")), name="lasts", match=writes),
    ]
    refusal = state_at(windows, "orders", at(NOON)).refusal(Asking("POST"))
    assert refusal is not None
    assert refusal.opening.source == "window=shop/lasts"
    assert refusal.until is not None
    assert refusal.until > at("2026-06-04T00:00Z")


def test_of_two_states_the_reason_that_ends_last_is_told_with_the_end_of_the_longer_union() -> None:
    """Until a request is served, all that refuse it have ended."""
    chain = [window(fixed((NOON, ONE)), name="first"), window(fixed((ONE, THREE)), name="next")]
    alone = [window(fixed((NOON, TWO)), name="alone")]
    both = strictest(*(state_at(each, "orders", at(NOON)) for each in (chain, alone)))
    assert both.writes is not None
    assert (both.writes.opening.source, until(both.writes)) == ("window=shop/alone", THREE)


def test_a_short_window_that_follows_itself_does_not_hide_a_long_one() -> None:
    holidays = (Exclusion(at("2026-06-01T22:00Z"), at("2027-01-01T00:00Z")),)
    windows = [
        window(recurring("* * * * *", minutes=1), name="each minute", exclusions=holidays),
        window(fixed(("2026-06-01T12:20Z", "2026-06-01T22:00Z")), name="long"),
    ]
    assert until(state_at(windows, "orders", at(NOON)).writes) == "2026-06-01T22:00Z"


@pytest.mark.parametrize(
    ("now", "edge"),
    [
        ("2026-06-01T11:00Z", NOON),
        (NOON, "2026-06-01T12:30Z"),
        ("2026-06-01T12:30Z", ONE),
        (ONE, TWO),
        (TWO, None),
    ],
)
def test_a_state_holds_until_the_next_start_or_end(now: str, edge: str | None) -> None:
    windows = [window(fixed((NOON, ONE))), window(fixed(("2026-06-01T12:30Z", TWO)), name="v")]
    state = state_at(windows, "orders", at(now))
    assert state.valid_from == at(now).timestamp()
    assert state.valid_until == (at(edge).timestamp() if edge else math.inf)


def test_a_switch_refuses_what_its_mode_says_without_an_end() -> None:
    full, read_only = switched(Opening()), switched(Opening(Mode.READ_ONLY))
    assert full.reads == full.writes == Refusal(Opening(), None)
    assert (read_only.reads, read_only.writes) == (None, Refusal(Opening(Mode.READ_ONLY), None))


def test_of_two_states_the_strictest_counts() -> None:
    full = state_at([window(fixed((NOON, ONE)))], "orders", at(NOON))
    read_only = switched(Opening(Mode.READ_ONLY))
    both = strictest(full, read_only)
    assert both == strictest(read_only, full)
    assert both.reads == full.reads
    assert both.writes == read_only.writes
    assert both.valid_until == full.valid_until


def test_the_strongest_lasts_until_the_last_request_is_served() -> None:
    """The full window ends first, and the read-only one, or one for some paths, goes on."""
    full = window(fixed((NOON, ONE)), name="full")
    for other in (
        window(fixed((NOON, THREE)), name="writes", mode="ReadOnly"),
        window(fixed((NOON, THREE)), name="orders", match=Match(paths=("/orders",))),
    ):
        strongest = state_at([full, other], "orders", at(NOON)).strongest
        assert strongest is not None
        assert (strongest.opening.mode, until(strongest)) == (Mode.FULL, THREE)


def test_the_strongest_has_the_strictest_mode_that_any_request_meets() -> None:
    """Also where it is for some requests, and ends before one that refuses writes alone."""
    windows = [
        window(fixed((NOON, ONE)), name="full", match=Match(paths=("/orders",))),
        window(fixed((NOON, TWO)), name="writes", mode="ReadOnly", match=Match(paths=("/books",))),
        window(fixed((NOON, THREE)), name="all-writes", mode="ReadOnly"),
    ]
    for given in (windows, windows[:2]):
        state = state_at(given, "orders", at(NOON))
        for each in (state, strictest(switched(Opening(Mode.READ_ONLY)), state)):
            assert each.strongest is not None
            assert each.strongest.opening.source == "window=shop/full"
        assert until(state.strongest) == (THREE if given is windows else TWO)


def test_there_is_a_strongest_exactly_where_something_is_refused() -> None:
    orders = window(fixed((NOON, ONE)), match=Match(paths=("/orders",)))
    for state in (
        OFF,
        switched(Opening(Mode.READ_ONLY)),
        state_at([orders], "orders", at(NOON)),
        state_at([orders], "orders", at(ONE)),
    ):
        assert (state.strongest is None) is state.quiet


def test_a_state_with_one_that_is_off_stays_as_it_is() -> None:
    state = state_at([window(fixed((NOON, ONE)))], "orders", at(NOON))
    assert strictest(OFF, state) == strictest(state, OFF) == state


@pytest.mark.parametrize("now", ["9998-06-01T00:00Z", "9999-12-31T23:59:59Z"])
def test_the_last_years_of_the_calendar_are_no_error(now: str) -> None:
    windows: list[Window] = [
        window(fixed((NOON, "9999-12-31T23:59:59.5Z")), name="far"),
        window(recurring("0 0 * * *", "Pacific/Apia", hours=9600), name="again"),
    ]
    assert state_at(windows, "orders", at(now)).writes is not None


def test_a_far_end_beside_a_schedule_is_no_error() -> None:
    """Looking on from the end of one window asks what the others do then."""
    windows = [
        window(fixed((NOON, "9999-12-31T00:00Z")), name="never ends"),
        window(recurring("0 2 * * *", hours=9600), name="nightly"),
    ]
    assert state_at(windows, "orders", at(NOON)).writes is not None
