"""Occurrences and states beside an oracle that writes every occurrence down (tests/oracle)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    Mode,
    Occurrence,
    State,
    Timeline,
    Window,
    next_edge,
    next_occurrence,
    occurrence_at,
    occurrences_between,
    state_at,
)
from fastapi_maintenance.windows.state import Announcement
from tests.oracle.effects import ending, last_of, pieces, unbroken
from tests.oracle.windows import BEGIN, CALENDAR, UNTIL, instants, windows
from tests.unit.making import Asking

FOLLOWED = 6
"""Pieces, one after the other: a union that goes on and on is followed for a while only."""

ASKED = [Asking(method, path) for method in ("GET", "POST") for path in ("/a", "/b")]

any_instant = instants() | st.datetimes(BEGIN.replace(tzinfo=None), UNTIL.replace(tzinfo=None)).map(
    lambda instant: instant.replace(tzinfo=UTC)
)

several = st.lists(st.sampled_from("abcd"), unique=True, max_size=4).flatmap(
    lambda names: st.tuples(*(windows(name, plain=False) for name in names))
)


@settings(max_examples=200, deadline=None)
@given(windows(), any_instant)
def test_now_is_the_piece_that_ends_last(window: Window, now: datetime) -> None:
    expected, found = last_of(pieces(window, *CALENDAR), now), occurrence_at(window, now)
    assert (expected is None) == (found is None)
    if expected and found:
        assert found.contains(now)
        assert ending(found) == ending(expected)


@settings(max_examples=200, deadline=None)
@given(windows(), any_instant)
def test_next_is_the_first_piece_that_starts_later(window: Window, now: datetime) -> None:
    later = [piece for piece in pieces(window, *CALENDAR) if piece.start > now]
    found = next_occurrence(window, now)
    assert (found and found.start) == min((piece.start for piece in later), default=None)
    assert found is None or found in later


@settings(max_examples=200, deadline=None)
@given(windows(), st.lists(any_instant, min_size=2, max_size=2, unique=True).map(sorted))
def test_between_two_instants_are_all_pieces_that_overlap(
    window: Window, stretch: list[datetime]
) -> None:
    begin, until = stretch
    overlapping = [
        piece
        for piece in pieces(window, *CALENDAR)
        if piece.start < until and ending(piece) > begin.timestamp()
    ]
    found = list(occurrences_between(window, begin, until))
    assert sorted(found, key=in_order) == overlapping
    assert [piece.start for piece in found] == [piece.start for piece in overlapping]


@settings(max_examples=150, deadline=None)
@given(several, any_instant, st.sampled_from(ASKED))
def test_a_request_is_refused_while_a_piece_is_open_and_until_the_union_of_all_ends(
    given_windows: tuple[Window, ...], now: datetime, request: Asking
) -> None:
    found = {w.key: pieces(w, *CALENDAR) for w in given_windows if refuses(w, request)}
    opened = {key: ending(o) for key, each in found.items() if (o := last_of(each, now))}
    refusal = state_at(given_windows, "orders", now).refusal(request)
    assert (refusal is not None) == bool(opened)
    if refusal:
        last = max(opened.values())
        naming = min(key for key, end in opened.items() if end == last)
        assert refusal.opening.source == f"window={naming}"
        together = [piece for each in found.values() for piece in each]
        ends = unbroken(together, now)
        assume(len(ends) <= FOLLOWED)
        assert refusal.until == ends[-1]


@settings(max_examples=150, deadline=None)
@given(several, any_instant, st.sampled_from(ASKED))
def test_the_soonest_piece_that_is_near_enough_is_announced(
    given_windows: tuple[Window, ...], now: datetime, request: Asking
) -> None:
    coming = [
        Announcement(piece.start, piece.end, window.mode)
        for window in given_windows
        for piece in pieces(window, *CALENDAR)
        if refuses(window, request)
        and window.announce_before is not None
        and piece.start - window.announce_before <= now < piece.start
    ]
    said = state_at(given_windows, "orders", now).announcement(request)
    assert (said and said.start) == min((each.start for each in coming), default=None)
    assert said is None or said in coming


@settings(max_examples=150, deadline=None)
@given(several, any_instant)
def test_a_state_holds_until_the_first_edge_of_any_piece(
    given_windows: tuple[Window, ...], now: datetime
) -> None:
    """It may be worked out once more than needed, where an edge changes nothing."""
    edges = [edge for edge in edges_of(given_windows) if edge > now.timestamp()]
    state = state_at(given_windows, "orders", now)
    assert state.valid_until in {*edges, math.inf}
    assert next_edge(given_windows, "orders", now) == (
        None if state.valid_until == math.inf else datetime.fromtimestamp(state.valid_until, UTC)
    )
    for edge in edges:
        if edge < state.valid_until:
            then = state_at(given_windows, "orders", datetime.fromtimestamp(edge, UTC))
            assert said_to_all(then) == said_to_all(state)


@settings(max_examples=100, deadline=None)
@given(several, st.lists(any_instant, max_size=20))
def test_a_timeline_knows_each_instant_however_the_clock_jumps(
    given_windows: tuple[Window, ...], shown: list[datetime]
) -> None:
    timeline = Timeline(given_windows, "orders")
    for now in shown:
        afresh = state_at(given_windows, "orders", now)
        assert said_to_all(timeline.at(now.timestamp())) == said_to_all(afresh)


def edges_of(given_windows: tuple[Window, ...]) -> list[float]:
    """When anything about them changes, in POSIX seconds."""
    edges = list[float]()
    for window in given_windows:
        for piece in [] if window.suspend else pieces(window, *CALENDAR):
            announced = piece.start - (window.announce_before or timedelta())
            edges += [announced.timestamp(), piece.start.timestamp(), ending(piece)]
    return edges


def said_to_all(state: State) -> list[object]:
    """What meets each kind of request."""
    return [(state.refusal(request), state.announcement(request)) for request in ASKED]


def refuses(window: Window, request: Asking) -> bool:
    """Whether it is for such a request, once it is open."""
    suits = window.mode is Mode.FULL or not request.is_safe
    return suits and not window.suspend and window.match.paths in ((), (request.path,))


def in_order(occurrence: Occurrence) -> tuple[datetime, float]:
    return occurrence.start, ending(occurrence)
