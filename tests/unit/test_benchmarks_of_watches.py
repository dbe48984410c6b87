"""What the benchmarks of K8sBackend rest on, and that the one of weight runs and reports."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from benchmarks import reconnect
from benchmarks.jitter import bound, expected_tries
from benchmarks.plot import chart
from fastapi_maintenance.backends.kubernetes.pace import Pace
from tests.python import python


def test_what_jitter_promises_is_what_draws_give() -> None:
    """The curve is worked out; ten thousand who try in vain come to the same."""
    pace, seconds, people = Pace(), 60, 10_000
    expected, chance = expected_tries(pace, seconds), random.Random(1)
    found = [0] * seconds
    for _ in range(people):
        at, longest = 0.0, pace.first_delay
        while (at := at + chance.uniform(0, longest)) < seconds:
            found[int(at)] += 1
            longest = min(longest * 2, pace.longest_delay)
    most = bound(expected, people)
    for second in range(seconds):
        mean = expected[second] * people
        # Delays are worked out in steps of 20 ms, which shifts some from a second to the next.
        assert abs(found[second] - mean) <= most[second] - mean + 0.03 * mean, second


def fleet(people: int, away: float) -> tuple[list[tuple[float, float | None]], float]:
    """Requests of those who lost a server at 0 that is back at `away`, and when all are back."""
    pace, chance = Pace(), random.Random(2)
    requests: list[tuple[float, float | None]] = []
    for _ in range(people):
        at, longest = chance.uniform(0, pace.first_delay), pace.first_delay
        while at < away:
            requests.append((at, None))
            longest = min(longest * 2, pace.longest_delay)
            at += chance.uniform(0, longest)
        listed = at + chance.uniform(0, pace.spread)
        requests += [(at, at), (listed, listed), (listed, listed)]
    return requests, max(at for at, _ in requests)


def test_a_fleet_that_comes_back_as_promised_stays_within_the_bounds() -> None:
    requests, back = fleet(1000, away=30.0)
    storm = reconnect.storm_of(requests, 1000, 30.0, back)
    assert (storm.over, storm.early) == ([], [])
    assert sum(storm.answered) == 3000


@pytest.mark.parametrize("twice", ["the tries", "the lists"])
def test_a_fleet_that_asks_more_does_not(twice: str) -> None:
    """Whichever of its requests it makes twice."""
    requests, back = fleet(1000, away=30.0)
    more = [r for r in requests if (r[1] is None) == (twice == "the tries")]
    storm = reconnect.storm_of(requests + more, 1000, 30.0, back)
    assert storm.early if twice == "the tries" else storm.over


def test_what_a_server_held_up_may_be_followed_at_once() -> None:
    """Its own slowness is not laid at the door of those who wait."""
    requests: list[tuple[float, float | None]] = [(30 + n / 20, 33.5) for n in range(70)]
    requests += [(33.5, 33.6)] * 140
    assert reconnect.storm_of(requests, 200, 33.0, 34.0).over == []
    requests += [(33.5, 33.6)] * 140
    assert reconnect.storm_of(requests, 200, 33.0, 34.0).over == [33]


def test_a_chart_is_well_formed_and_shows_each_second() -> None:
    drawn = ElementTree.fromstring(chart("tries", [3, 0, 1], [4, 2, 1], ("a", "b"), away=1))
    assert sum(node.tag.endswith("path") for node in drawn.iter()) == 7
    assert [node.text for node in drawn.iter() if node.text == "tries"] == ["tries"]


def test_the_benchmark_of_weight_reports_what_it_is_about() -> None:
    small = ("--interpreters=1", "--events=200", "--steps=2")
    told = python("-m", "benchmarks.weight", *small)
    for start in ("import, ms", "memory of a process", "growth of all its memory"):
        (line,) = (line for line in told.splitlines() if line.startswith(f"| {start}"))
        assert "✓" in line or "✗" in line
        assert "≤" in line


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("flip", ("--watches", "--flips", "--applies")),
        ("weight", ("--interpreters", "--events")),
        ("reconnect", ("--watches", "--away", "--svg")),
    ],
)
def test_each_says_what_it_can_be_asked(module: str, options: tuple[str, ...]) -> None:
    told = python("-m", f"benchmarks.{module}", "--help")
    assert all(option in told for option in options)
