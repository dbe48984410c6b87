"""What `benchmarks.flip` has measured, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .flip import Taken

P99_GOALS = {1: 1.5}
"""To the p99 of as many raw watches; `P99_GOAL` where nothing is said."""
P99_GOAL = 5.0
HANDLED_GOAL = 1.0
CPU_GOAL = 2.0


def report(measured: Mapping[int, Mapping[str, Taken]], users: list[tuple[float, float]]) -> str:
    """Three tables: latency, work, and what a user feels."""
    return "\n\n".join([_latencies(measured), _work(measured), _users(users)])


def _latencies(measured: Mapping[int, Mapping[str, Taken]]) -> str:
    rows = [
        "| watches | from the write to | p50 ms | p99 ms | p50 / raw | p99 / raw | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for watches, kinds in measured.items():
        base = quantiles(next(iter(kinds.values())).milliseconds)
        for title, taken in kinds.items():
            p50, p99 = quantiles(taken.milliseconds)
            goal = P99_GOALS.get(watches, P99_GOAL) if title == "backend" else None
            rows.append(
                f"| {watches:,} | {title} | {p50:.1f} | {p99:.1f} | {p50 / base[0]:.2f} | "
                f"{judged(p99 / base[1], goal)} | {f'≤ {goal:g}' if goal else '-'} |"
            )
    return "\n".join(rows)


def _work(measured: Mapping[int, Mapping[str, Taken]]) -> str:
    rows = [
        "| watches | work of an event | CPU µs | CPU / raw | goal | "
        "from its last byte, ms p50 | p99 | goal |",
        "|---" * 8 + "|",
    ]
    for watches, kinds in measured.items():
        base = statistics.mean(next(iter(kinds.values())).cpu)
        for title, taken in kinds.items():
            cpu, own = statistics.mean(taken.cpu), title == "backend"
            cells = [f"{cpu * 1000:.0f}", judged(cpu / base, CPU_GOAL if own else None)]
            cells += [f"≤ {CPU_GOAL:g}" if own else "-", *_handled(taken, own)]
            rows.append(f"| {watches:,} | {title} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _handled(taken: Taken, own: bool) -> list[str]:
    if not taken.handled:
        return ["-", "-", "-"]
    p50, p99 = quantiles(taken.handled)
    goal = HANDLED_GOAL if own else None
    return [f"{p50:.2f}", judged(p99, goal), f"≤ {HANDLED_GOAL:g}" if own else "-"]


def _users(users: list[tuple[float, float]]) -> str:
    rows = ["| from the start of `kubectl apply` to | p50 ms | longest ms |", "|---|---|---|"]
    for title, values in zip(
        ("its end", "the first request refused"), zip(*users, strict=True), strict=True
    ):
        rows.append(f"| {title} | {statistics.median(values):.0f} | {max(values):.0f} |")
    return "\n".join(rows)


def quantiles(values: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def judged(value: float, goal: float | None) -> str:
    """A figure, with whether it meets its goal."""
    text = f"{value:.2f}"
    return text if goal is None else f"{text} {'✓' if round(value, 2) <= goal else '✗'}"
