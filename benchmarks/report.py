"""What was measured, in Markdown: ratios with their goals, and what chance makes of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

from .imports import Imports
from .subjects.shapes import Shape
from .workers import Row, Rows

OFF_GOAL, ON_GOAL = 1.02, 0.15
IMPORT_MS_GOAL, IMPORT_MIB_GOAL = 5.0, 1.0

_ENOUGH = 10
"""Samples, for an interval to mean something."""

Measured = Mapping[Shape, Rows]
"""By shape."""


def requests_table(measured: Measured) -> str:
    """A row for each subject, a column for each shape of application."""
    names = dict.fromkeys(key for shape in measured for key in measured[shape])
    lines = [
        "| time of a request, to that of the bare application | "
        + " | ".join(shape.title for shape in measured)
        + " | goal |",
        "|---" * (len(measured) + 2) + "|",
    ]
    for title, name in names:
        rows = {shape: measured[shape].get((title, name)) for shape in measured}
        goal = _goal(title, name)
        cells = [_cell(name, row, goal) for row in rows.values()]
        label = _label(title, name, rows)
        lines.append(f"| {label} | {' | '.join(cells)} | {f'≤ {goal}' if goal else '-'} |")
    return "\n".join([*lines, "", _about_chance(measured)])


def imports_table(imports: list[Imports]) -> str:
    """A row for each package."""
    lines = [
        "| import of the middleware, after FastAPI | ms | FastAPI itself, ms | MiB |",
        "|---|---|---|---|",
    ]
    for each in imports:
        ours = not each.title
        milliseconds = _judged(f"{each.median:.1f}", each.median, IMPORT_MS_GOAL if ours else None)
        mebibytes = _judged(
            f"{each.mebibytes:.2f}", each.mebibytes, IMPORT_MIB_GOAL if ours else None
        )
        fastapi = f"{statistics.median(each.fastapi):.0f}"
        title = each.title or "this package"
        lines.append(f"| {title} | {milliseconds} | {fastapi} | {mebibytes} |")
    lines.append(f"| goal | ≤ {IMPORT_MS_GOAL:.0f} | - | ≤ {IMPORT_MIB_GOAL:.0f} |")
    return "\n".join(lines)


def _goal(title: str, name: str) -> float | None:
    """Only our own gate has one."""
    if title or ":" not in name or "unknown" in name:
        return None
    return OFF_GOAL if name.startswith("off") else ON_GOAL


def _label(title: str, name: str, rows: Mapping[Shape, Row | None]) -> str:
    if name == "bare":
        name = "the bare application, µs"
    elif name == "again":
        name = "the same again, as a measure of chance"
    elif "unknown" in name:
        statuses = {status for row in rows.values() if row for status in row.statuses}
        name = f"{name} (answered {' or '.join(map(str, sorted(statuses)))})"
        name += ", µs" if name.startswith("bare") else ""
    return f"{title}: {name}" if title else name


def _cell(name: str, row: Row | None, goal: float | None) -> str:
    if row is None:
        return "-"
    if name.startswith("bare"):
        return f"{statistics.median(row.nanoseconds) / 1000:,.0f}"
    ratio = statistics.median(row.ratios)
    return _judged(f"{ratio:.3f}", ratio, goal)


def _judged(text: str, value: float, goal: float | None) -> str:
    if goal is None:
        return text
    return f"{text} {'✓' if round(value, 3) <= goal else '✗'}"


def _about_chance(measured: Measured) -> str:
    """Two figures: what sampling leaves open, and what differs between equal applications."""
    ours = [
        row
        for rows in measured.values()
        for (title, name), row in rows.items()
        if _goal(title, name) == OFF_GOAL and len(row.ratios) >= _ENOUGH
    ]
    again = [
        abs(statistics.median(row.ratios) - 1)
        for rows in measured.values()
        for (_, name), row in rows.items()
        if name == "again"
    ]
    text = f"The same application again differs by at most {max(again):.1%}"
    if ours:
        widest = max(_half_interval(row.ratios) for row in ours)
        text += (
            f"; the 95 % intervals of the medians with goal {OFF_GOAL} are ±{widest:.3f} or less"
        )
    return text + "."


def _half_interval(values: list[float]) -> float:
    """Half of the 95 % interval of a median, from the order of the values alone."""
    ordered, reach = sorted(values), 0.98 * math.sqrt(len(values))
    low = max(0, math.floor(len(values) / 2 - reach))
    high = min(len(values) - 1, math.ceil(len(values) / 2 + reach))
    return (ordered[high] - ordered[low]) / 2
