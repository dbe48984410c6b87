"""What windows cost between their edges and at them, and how late an edge is seen.

Three questions, each about a process that knows 10,000 windows of which 50 concern its app:

- request: what does a request cost, beside one to a process that knows a single window?
- edge: how long does it take to work out what holds from an edge on?
- late: how long after an edge is the first request answered as it demands, while the event loop
  is idle or loaded; when the wall clock is set; when a machine wakes that slept?

Run it with `make bench-edges`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import platform
import statistics
from collections.abc import Callable, Coroutine
from typing import Any

from .lateness import BURN, BURNERS, Answers, Asked, floor, gate, on_steps, on_time, on_waking
from .recomputing import MIXES, recompute
from .subjects.apps import Subject
from .subjects.edged import KNOWN, OURS, subjects
from .subjects.worker import Lifespan, ask, run, take
from .workers import say

REQUEST_GOAL = 1.02
EDGE_GOAL = LATE_GOAL = 5.0
"""Milliseconds."""

QUESTIONS = ("request", "edge", "late")

_SLICES = 8
_SAMPLE_NS = 20e6

Lateness = Callable[[Asked, int, bool], Coroutine[Any, Any, Answers]]
LATE: dict[str, Lateness] = {
    "windows open and close": on_time,
    "the wall clock is set forward and back": on_steps,
    "the machine wakes, its wall clock has leapt": on_waking,
}


def requests_table(known: int, rounds: int) -> str:
    """A row for each process, with its ratio to one that knows a single window."""
    say(f"Requests, of a process that knows {known:,} windows …")
    found = subjects(known)
    times = asyncio.run(_take({subject.name: subject for subject in found}, rounds))
    lines = ["| a request, when known are | µs | ratio | goal |", "|---|---|---|---|"]
    for name, pairs in times.items():
        microseconds = statistics.median(own for own, _ in pairs) / 1000
        ratio = statistics.median(own / against for own, against in pairs)
        goal = None if name.endswith("again") else REQUEST_GOAL
        cells = f"{microseconds:.1f} | {_judged(ratio, goal, 3)} | {f'≤ {goal}' if goal else '-'}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


async def _take(found: dict[str, Subject], rounds: int) -> dict[str, list[list[float]]]:
    """Nanoseconds of each and of what it is compared with, slice by slice."""
    lifespans = [Lifespan(subject.app) for subject in found.values()]
    for lifespan in lifespans:
        await lifespan.start()
    times = await _taken(found, rounds)
    for lifespan in lifespans:
        await lifespan.stop()
    return times


async def _taken(found: dict[str, Subject], rounds: int) -> dict[str, list[list[float]]]:
    for subject in found.values():
        await ask(subject)
    calls = {}
    for name, subject in found.items():
        await run(subject, 300)
        calls[name] = max(1, round(_SAMPLE_NS / (await run(subject, 100) / 100)))
    times: dict[str, list[list[float]]] = {}
    for _ in range(rounds):
        for name, pairs in (await take(calls, _SLICES, found)).items():
            times.setdefault(name, []).extend(pairs)
    for subject in found.values():
        await ask(subject)
    return {name: pairs for name, pairs in times.items() if pairs}


def edges_table(known: int, edges: int) -> str:
    """A row for each mix of windows."""
    lines = [
        f"| working out the next state, {OURS} windows concerned | edges | p50 ms | p99 ms "
        "| max ms | goal for all | max ms by the wall clock |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, make in MIXES.items():
        say(f"Edges: {name} …")
        taken, by_wall = recompute(make(), known, edges)
        figures = f"{_quantile(taken, 0.5):.2f} | {_quantile(taken, 0.99):.2f}"
        judged = f"{_judged(max(taken), EDGE_GOAL, 2)} | < {EDGE_GOAL:.0f}"
        lines.append(f"| {name} | {len(taken)} | {figures} | {judged} | {max(by_wall):.2f} |")
    return "\n".join(lines)


def late_table(known: int, windows: int, passes: int) -> str:
    """A row for each way of the clock, with an idle loop and with a loaded one."""
    lines = [
        "| from an edge to the first answer as it demands | loop | edges | p50 ms | p99 ms "
        "| goal for p99 | without a gate: p50 ms | p99 ms | wrong answers |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, measure in LATE.items():
        for loaded in (False, True):
            loop = "loaded" if loaded else "idle"
            late, wrong = _late(measure, gate(known), windows, passes, loaded)
            bare, _ = _late(measure, floor(), windows, passes, loaded)
            p99 = f"{_judged(_quantile(late, 0.99), LATE_GOAL, 2)} | ≤ {LATE_GOAL:.0f}"
            without = f"{_quantile(bare, 0.5):.2f} | {_quantile(bare, 0.99):.2f}"
            figures = f"{len(late)} | {_quantile(late, 0.5):.2f} | {p99} | {without} | {wrong}"
            lines.append(f"| {name} | {loop} | {figures} |")
    return "\n".join(lines)


def _late(
    measure: Lateness, asked: Asked, windows: int, passes: int, loaded: bool
) -> tuple[list[float], int]:
    """Milliseconds of each edge, and how many answers were wrong."""
    late, wrong = list[float](), 0
    for _ in range(passes):
        answers = asyncio.run(measure(asked, windows, loaded))
        late += answers.late_ms()
        wrong += answers.wrong()
    return late, wrong


def _quantile(values: list[float], share: float) -> float:
    """The least value that so large a share does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _judged(value: float, goal: float | None, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text if goal is None else f"{text} {'✓' if round(value, digits) <= goal else '✗'}"


def main() -> None:
    """Measure, print."""
    asked = _parser().parse_args()
    wanted = asked.only or QUESTIONS
    tables = []
    if "request" in wanted:
        tables.append(requests_table(asked.known, 1 if asked.quick else asked.rounds))
    if "edge" in wanted:
        tables.append(edges_table(asked.known, 5 if asked.quick else asked.edges))
    if "late" in wanted:
        windows, passes = (2, 1) if asked.quick else (OURS, asked.passes)
        tables.append(late_table(asked.known, windows, passes))
    print(f"Python {platform.python_version()}, {asked.known:,} windows known:\n")
    print("\n\n".join(tables))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.edges",
        description=__doc__,
        epilog=f"A loaded loop has {BURNERS} tasks beside the client that keep it for "
        f"{BURN * 1000:g} ms each, in every turn. Without a gate means an application that looks "
        "at the clock itself, measured after ours: as late as the machine makes it. Wrong "
        "answers began after an edge and were as before it: there must be none.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", action="append", choices=QUESTIONS, help="ask this alone; may be given again"
    )
    parser.add_argument(
        "--known", type=int, default=KNOWN, help="windows that are known (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=60, help="samples of requests (default: %(default)s)"
    )
    parser.add_argument(
        "--edges", type=int, default=500, help="edges of each mix of windows (default: %(default)s)"
    )
    parser.add_argument(
        "--passes",
        type=int,
        default=2,
        help=f"for lateness: each pass has {2 * OURS} edges (default: %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="some seconds: shows that all runs, measures nothing well; best with --known 200",
    )
    return parser


if __name__ == "__main__":
    main()
