"""How often processes write: a thousand of them at once, and each by itself."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from fastapi_maintenance.backends.kubernetes import report_pace
from fastapi_maintenance.backends.kubernetes.process import BUSY_HEARTBEAT, IDLE_HEARTBEAT
from fastapi_maintenance.backends.kubernetes.report_pace import (
    FIRST_DELAY,
    LONGEST_DELAY,
    LONGEST_REQUEST,
    ReportPace,
)

PROCESSES = 1000
UNTIL_DRAINED = 120
"""Writes a second that the API server may see of a thousand processes until all have drained."""
OTHERWISE = 20


class Process:
    """One that opens its windows, drains after a while, and beats."""

    def __init__(self, drained_after: float, peers: int = PROCESSES) -> None:
        self.pace = ReportPace()
        self.pace.peers = peers
        self.drained_at = drained_after
        self.has_told_drained = False

    def writes(self, until: float) -> list[float]:
        """When it writes, from the opening of a window on."""
        now, times = -600.0, []
        self.pace.registered(now, IDLE_HEARTBEAT)
        while (now := self.pace.due) < 0.0:
            self.pace.told(now, IDLE_HEARTBEAT)
        now = 0.0
        self.pace.hurry(now)
        while (now := max(now, self.next_event(now))) < until:
            if now < self.pace.due:  # the last request has ended
                self.pace.hurry(now)
                self.has_told_drained = True
                continue
            times.append(now)
            is_drained = now >= self.drained_at
            self.has_told_drained = self.has_told_drained or is_drained
            self.pace.told(now, IDLE_HEARTBEAT if is_drained else BUSY_HEARTBEAT)
        return times

    def next_event(self, now: float) -> float:
        ends = self.drained_at if not self.has_told_drained else self.pace.due
        return min(self.pace.due, max(now, ends))


def curve(drained_after: float, until: float, seed: int) -> list[int]:
    """Writes of all processes in each second."""
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_pace, "random", chance)  # threads of other tests draw from the other
        processes = [Process(chance.uniform(0, drained_after)) for _ in range(PROCESSES)]
        counts = Counter(int(time) for process in processes for time in process.writes(until))
    return [counts[second] for second in range(int(until))]


def over_ten_seconds(counts: list[int]) -> float:
    """The most writes a second, averaged over any ten seconds."""
    return max(sum(counts[i : i + 10]) / 10 for i in range(len(counts) - 10))


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_processes_write_at_most_120_times_a_second_until_drained(seed: int) -> None:
    """Also in the second that a window opens in, and where all drain at their leisure."""
    for drained_after in (0.001, 5.0, 300.0):
        counts = curve(drained_after, 300, seed)
        assert over_ten_seconds(counts) <= UNTIL_DRAINED
        assert max(counts) <= UNTIL_DRAINED * 1.1


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_drained_processes_write_at_most_20_times_a_second(seed: int) -> None:
    """From a minute after the last drained on."""
    counts = curve(5.0, 600, seed)[80:]
    assert over_ten_seconds(counts) <= OTHERWISE
    assert sum(counts) / len(counts) <= 17


def test_a_few_processes_do_not_wait_for_each_other() -> None:
    """Three Pods say within a tenth of a second that they refuse requests."""
    assert max(Process(0.0, peers=3).writes(1.0)[0] for _ in range(100)) < 0.1


def test_what_flickers_is_told_once_a_second_at_most() -> None:
    pace = ReportPace()
    pace.registered(0.0, IDLE_HEARTBEAT)
    pace.hurry(0.0)
    pace.told(0.1, BUSY_HEARTBEAT)
    pace.hurry(0.11)
    assert pace.due == pytest.approx(1.1)


def test_news_that_comes_while_other_news_waits_is_told_with_it() -> None:
    """And the moment for it is drawn once: else the earliest of many draws would win."""
    pace = ReportPace()
    pace.peers = PROCESSES
    pace.registered(0.0, IDLE_HEARTBEAT)
    pace.hurry(0.0)
    due = pace.due
    for moment in range(10):
        pace.hurry(moment / 10)
    assert pace.due == due


def test_a_report_that_fails_is_tried_again_ever_more_rarely() -> None:
    pace = ReportPace()
    pace.registered(0.0, IDLE_HEARTBEAT)
    longest = [max(_fresh(failures).failed(0.0) for _ in range(300)) for failures in range(8)]
    assert longest[0] <= 0.8
    assert longest[7] <= LONGEST_DELAY
    assert longest[7] > 10
    assert all(a < b * 1.5 for a, b in itertools.pairwise(longest))
    pace.failed(5.0)
    assert pace.due >= 5.0


def test_a_server_that_asks_for_time_gets_it_but_not_for_ever() -> None:
    assert 20.0 <= ReportPace().failed(0.0, 20.0) <= 20.0 + FIRST_DELAY
    assert ReportPace().failed(0.0, 86400.0) <= LONGEST_REQUEST + FIRST_DELAY


def _fresh(failures: int) -> ReportPace:
    pace = ReportPace()
    for _ in range(failures):
        pace.failed(0.0)
    return pace


def test_how_many_there_are_is_asked_often_by_the_young_and_rarely_by_the_old() -> None:
    """Of a fleet that rolls out, the first sees only itself at first."""
    pace = ReportPace()
    asked = []
    for beat in range(1, 41):
        pace.told(0.0, IDLE_HEARTBEAT)
        if pace.counts_again():
            asked.append(beat)
    assert asked == [1, 2, 4, 8, 16, 26, 36]
