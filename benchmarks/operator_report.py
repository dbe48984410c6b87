"""What was measured of the operator, in Markdown: figures with their goals, and how they grow."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Result:
    """Of one number of windows; seconds and mebibytes."""

    windows: int
    converged: float
    converged_cpu: float
    served_cpu: float
    """Of the API server meanwhile."""
    bare: float
    """What a client that only writes takes for as many statuses."""
    peak: float
    settled: float
    idle_seconds: float
    idle_cpu: float
    idle_writes: int
    edits: list[float]
    opened: float


def report(results: list[Result]) -> str:
    """Markdown: a row for each figure, a column for each number of windows."""
    head = [f"{result.windows:,} windows" for result in results]
    rows = [
        "| | " + " | ".join(head) + " | goal |",
        "|---" * (len(results) + 2) + "|",
        _row("from cold until all have their status, s", results, lambda r: r.converged, "60"),
        _row("a bare writer of as many statuses, s", results, lambda r: r.bare),
        _row("cold / bare writer", results, lambda r: r.converged / r.bare),
        _row("the operator's processor time from cold, s", results, lambda r: r.converged_cpu),
        _row("the API server's meanwhile, s", results, lambda r: r.served_cpu),
        _row("most memory, MiB", results, lambda r: r.peak, "200"),
        _row("memory afterwards, MiB", results, lambda r: r.settled, "200"),
        _row("idle, % of a processor", results, lambda r: 100 * r.idle_cpu / r.idle_seconds, "1"),
        _row("writes while idle", results, lambda r: r.idle_writes, "0"),
        _row("an edit to its status, p50 ms", results, lambda r: _percentile(r.edits, 50)),
        _row("an edit to its status, p99 ms", results, lambda r: _percentile(r.edits, 99), "200"),
        _row("500 open together, the last status, s", results, lambda r: r.opened, "5"),
    ]
    return "\n".join([*rows, "", "```", *_curve(results), "```"])


def _row(
    title: str, results: list[Result], of: Callable[[Result], float], goal: str | None = None
) -> str:
    cells = [f"{of(r):.3g}" + _mark(of(r), goal) for r in results]
    return f"| {title} | {' | '.join(cells)} | {f'≤ {goal}' if goal else '-'} |"


def _mark(value: float, goal: str | None) -> str:
    return "" if goal is None else " ✓" if value <= float(goal) else " ✗"


def _percentile(seconds: list[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def _curve(results: list[Result]) -> list[str]:
    """Processor time for converging, as bars: linear where they are as long as the dots go."""
    first, longest = results[0], max(r.converged_cpu for r in results)
    scale = 60 / max(longest, first.converged_cpu * results[-1].windows / first.windows)
    lines = ["processor seconds from cold; | is where linear growth from the first row would be"]
    for r in results:
        bar = list("#" * round(r.converged_cpu * scale))
        linear = round(first.converged_cpu * r.windows / first.windows * scale)
        bar += [" "] * (linear + 1 - len(bar))
        bar[linear] = "|"
        lines.append(f"{r.windows:>7,} {''.join(bar)} {r.converged_cpu:.1f}")
    return lines
