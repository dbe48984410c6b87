"""The oracle of the chaos run finds what is wrong, and allows what is not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.chaos.oracle import Answer, Judgement, Oracle, Trouble, Version
from tests.chaos.plan import LONG, SHORT, draw_faults, draw_writes

WRITES = (
    Version(1, "a", sent=10.0, acknowledged=10.1),
    Version(2, "b", sent=20.0, acknowledged=20.1, start=25.0, end=30.0, mode="ReadOnly"),
    Version(3, "a", sent=40.0, acknowledged=40.1, deleted=True),
)


def judge(*answers: Answer, ordered: bool = True, troubles: Any = ()) -> Judgement:
    return Oracle(WRITES, troubles, propagation=1.0, ordered=ordered).judge(answers)


def at(instant: float, code: int, number: int = 0, method: str = "POST") -> Answer:
    return Answer(method, "/orders", instant, instant + 0.01, code, number)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (at(9.0, 200), True),
        (at(9.0, 503, 1), False),  # before it was sent
        (at(10.05, 200), True),  # not acknowledged yet
        (at(10.05, 503, 1), True),  # but sent
        (at(11.0, 200), True),  # still on its way
        (at(11.2, 200), False),
        (at(11.2, 503, 1), True),
        (at(11.2, 503, 2), False),  # of another window
        (at(35.0, 200), False),
        (at(41.5, 503, 1), False),  # deleted
        (at(41.5, 200), True),
    ],
)
def test_an_answer_follows_from_what_was_written(
    answer: Answer, right: bool, ordered: bool
) -> None:
    assert bool(judge(answer, ordered=ordered).wrong) is not right


def test_of_several_windows_the_one_that_ends_last_answers() -> None:
    assert judge(at(26.0, 503, 2)).wrong
    assert not judge(at(26.0, 503, 1)).wrong


def test_edges_are_kept_to_whatever_the_trouble() -> None:
    """Nobody can have learnt of the deletion, nor have forgotten a window that was known."""
    trouble = [Trouble(21.2, 60.0)]
    assert judge(at(50.0, 200, method="GET"), troubles=trouble).certain == 0
    only_b = (WRITES[1],)
    oracle = Oracle([*_renumbered(only_b)], trouble, 1.0, ordered=True)
    assert oracle.judge([at(24.95, 503, 1)]).wrong
    assert oracle.judge([at(25.1, 200)]).wrong
    assert not oracle.judge([at(25.1, 503, 1)]).wrong
    assert not oracle.judge([at(25.1, 200, method="GET")]).wrong
    assert oracle.judge([at(30.0, 503, 1)]).wrong


def _renumbered(versions: Any) -> list[Version]:
    return [Version(**{**vars(v), "number": n}) for n, v in enumerate(versions, 1)]


@pytest.mark.parametrize("ordered", [True, False])
def test_in_trouble_the_old_may_hold_and_the_new_too(ordered: bool) -> None:
    trouble = [Trouble(40.05, 60.0)]
    for answer in (at(59.0, 503, 1), at(59.0, 200), at(60.9, 503, 1)):
        assert not judge(answer, ordered=ordered, troubles=trouble).wrong
    assert judge(at(61.2, 503, 1), ordered=ordered, troubles=trouble).wrong


@pytest.mark.parametrize("ordered", [True, False])
def test_what_a_process_has_spoken_of_it_may_not_forget(ordered: bool) -> None:
    trouble = [Trouble(0.0, 60.0)]
    answers = at(15.0, 503, 1), at(16.0, 200)
    assert judge(*answers, ordered=ordered, troubles=trouble).wrong == [answers[1]]
    assert not judge(answers[1], ordered=ordered, troubles=trouble).wrong


def test_a_lag_is_told_where_nothing_excuses_it() -> None:
    assert judge(at(40.6, 503, 1)).stalest == pytest.approx(0.5)
    assert judge(at(40.6, 503, 1), troubles=[Trouble(40.2, 50.0)]).stalest == 0.0


def test_what_happens_follows_from_the_seed_alone() -> None:
    for manner in (LONG, SHORT):
        assert draw_faults(7, 600, manner) == draw_faults(7, 600, manner)
        assert draw_faults(7, 600, manner) != draw_faults(8, 600, manner)
    assert draw_writes(7, 60) == draw_writes(7, 60) != draw_writes(8, 60)


def test_the_servers_are_struck_one_at_a_time_and_left_alone_in_the_calm() -> None:
    for manner in (LONG, SHORT):
        faults = draw_faults(1, 3600, manner)
        servers = [fault for fault in faults if fault.subject in ("apiserver", "etcd")]
        assert all(a.at + a.lasts <= b.at for a, b in pairwise(servers))
        around = manner.storm + manner.calm
        assert all(fault.at % around + fault.lasts <= manner.storm for fault in faults)
        assert {fault.subject for fault in faults} == {"apiserver", "etcd", "link", "operator"}
