"""One heap of instants: each key is due once, when it was said last."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance_operator.scheduler import Scheduler
from tests.unit.making import at

NOON = at("2026-06-01T12:00Z")
MINUTE = timedelta(minutes=1)


def test_a_key_is_due_once_from_its_instant_on() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.arrange("a", NOON)
    assert scheduler.pop_due(NOON - MINUTE) == set()
    assert scheduler.pop_due(NOON) == {"a"}
    assert scheduler.pop_due(NOON + MINUTE) == set()


def test_a_later_arrangement_replaces_an_earlier_one() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.arrange("a", NOON)
    scheduler.arrange("a", NOON + MINUTE)
    assert scheduler.next() == NOON + MINUTE
    assert scheduler.pop_due(NOON) == set()
    assert scheduler.pop_due(NOON + MINUTE) == {"a"}


def test_what_is_unset_is_never_due() -> None:
    scheduler: Scheduler[str] = Scheduler()
    scheduler.arrange("a", NOON)
    scheduler.arrange("a", None)
    scheduler.arrange("never set", None)
    assert scheduler.next() is None
    assert scheduler.pop_due(NOON) == set()


def test_an_instant_that_is_said_again_is_still_one() -> None:
    scheduler: Scheduler[str] = Scheduler()
    for minute in (0, 1, 0):
        scheduler.arrange("a", NOON + minute * MINUTE)
    assert scheduler.pop_due(NOON + MINUTE) == {"a"}
    assert scheduler.next() is None


def test_what_was_arranged_otherwise_takes_no_room_until_its_instant_comes() -> None:
    """A window that is open for a month may be looked at a million times."""
    scheduler: Scheduler[str] = Scheduler()
    for _ in range(1000):
        scheduler.arrange("a", NOON + MINUTE)
        scheduler.arrange("a", None)
        scheduler.arrange("b", NOON)
    assert len(scheduler._heap) < 100
    assert scheduler.pop_due(NOON + MINUTE) == {"b"}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=25),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_it_means_the_same_as_a_table_of_instants(
    said: list[tuple[str, int | None]], now: int
) -> None:
    scheduler: Scheduler[str] = Scheduler()
    table: dict[str, int] = {}
    for key, minute in said:
        scheduler.arrange(key, None if minute is None else NOON + minute * MINUTE)
        table.pop(key, None)
        if minute is not None:
            table[key] = minute
    earliest = min(table.values(), default=None)
    assert scheduler.next() == (None if earliest is None else NOON + earliest * MINUTE)
    assert scheduler.pop_due(NOON + now * MINUTE) == {k for k, m in table.items() if m <= now}
