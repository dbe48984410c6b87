"""What backoff with full jitter promises: how often those who try again ask, second by second.

Somebody who fails for ever asks after delays that are drawn evenly between nothing and a longest
one, which doubles up to its own limit. The density of the k-th try is so the convolution of k
rectangles, and their sum is the rate. Nothing is drawn here: the curve is worked out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fastapi_maintenance.backends.kubernetes.pace import Pace

STEPS = 50
"""To a second."""
SIGMAS = 4.0


FOLLOWING = 2
"""Requests with which one comes back who is told that its version is gone: a list and a watch."""


def expected_tries(pace: Pace, seconds: int, tries: int = 60) -> list[float]:
    """Tries in each second after a failure at 0, expected of one who fails for ever."""
    return _by_second(_density_of_tries(pace, seconds, tries), seconds)


def expected_comings(pace: Pace, seconds: int, returned: float) -> list[float]:
    """Who comes back in each second, at most, after a server that returned at `returned`.

    Whoever tries from then on is told that its version is gone, since a server that starts has no
    past, and lists within `Pace.spread` seconds.
    """
    first = int(returned * STEPS)
    tries = _density_of_tries(pace, seconds)
    heard = [0.0] * min(first, len(tries)) + tries[first:]
    return _by_second(_convolve(heard, pace.spread), seconds)


def _density_of_tries(pace: Pace, seconds: int, tries: int = 60) -> list[float]:
    total = [0.0] * (seconds * STEPS)
    density = [1.0] + [0.0] * (seconds * STEPS - 1)
    for longest in _longest_delays(pace, tries):
        density = _convolve(density, longest)
        total = [a + b for a, b in zip(total, density, strict=True)]
    return total


def _by_second(density: list[float], seconds: int) -> list[float]:
    return [sum(density[s * STEPS : (s + 1) * STEPS]) for s in range(seconds)]


def bound(expected: Sequence[float], processes: int) -> list[float]:
    """What so many processes stay under, four standard deviations of chance allowed for."""
    means = (processes * each for each in expected)
    return [at_most(mean, mean) for mean in means]


def at_most(mean: float, variance: float) -> float:
    """What is hardly ever exceeded by chance."""
    return mean + SIGMAS * math.sqrt(variance)


def _longest_delays(pace: Pace, tries: int) -> Iterator[float]:
    longest = pace.first_delay
    for _ in range(tries):
        yield longest
        longest = min(longest * 2, pace.longest_delay)


def _convolve(density: list[float], longest: float) -> list[float]:
    """The density of a sum with something drawn evenly from 0 to `longest` seconds."""
    width = max(1, round(longest * STEPS))
    found, inside = [], 0.0
    for index, value in enumerate(density):
        inside += value - (density[index - width] if index >= width else 0.0)
        found.append(inside / width)
    return found
