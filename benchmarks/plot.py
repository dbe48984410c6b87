"""A curve by the second, as SVG: enough for a chart in the documentation, and no library."""

from __future__ import annotations

import math
from collections.abc import Sequence

_WIDTH, _HEIGHT, _LEFT, _TOP = 720, 260, 56, 34
_COLOURS = {"bars": "#4c78a8", "line": "#e45756"}


def chart(
    title: str, bars: Sequence[float], line: Sequence[float], names: tuple[str, str], away: int
) -> str:
    """Bars under a line, for each second; before `away` the background is grey."""
    top = max(*bars, *line)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 16} '
        f'{_TOP + _HEIGHT + 40}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{title}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_x(away, len(bars)) - _LEFT:.1f}" '
        f'height="{_HEIGHT}" fill="#eee"/>',
        *(_bar(second, value, top, len(bars)) for second, value in enumerate(bars)),
        f'<path d="{_steps(line, top)}" fill="none" stroke="{_COLOURS["line"]}"/>',
        *_axes(top, len(bars)),
        *_legend(names),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(second: float, seconds: int) -> float:
    return _LEFT + _WIDTH * second / seconds


def _y(value: float, top: float) -> float:
    # A root, since the first second is so much higher than the rest.
    return _TOP + _HEIGHT * (1 - math.sqrt(value / top))


def _bar(second: int, value: float, top: float, seconds: int) -> str:
    y = _y(value, top)
    return (
        f'<rect x="{_x(second, seconds):.1f}" y="{y:.1f}" width="{_WIDTH / seconds - 1:.1f}" '
        f'height="{_TOP + _HEIGHT - y:.1f}" fill="{_COLOURS["bars"]}"/>'
    )


def _steps(line: Sequence[float], top: float) -> str:
    points = []
    for second, value in enumerate(line):
        points += [(second, value), (second + 1, value)]
    where = [f"{_x(x, len(line)):.1f},{_y(value, top):.1f}" for x, value in points]
    return "M" + " L".join(where)


def _axes(top: float, seconds: int) -> list[str]:
    bottom = _TOP + _HEIGHT
    marks = [
        f'<text x="{_x(s, seconds):.1f}" y="{bottom + 16}" text-anchor="middle">{s} s</text>'
        for s in range(0, seconds + 1, 10)
    ]
    for share in (0.01, 0.1, 0.25, 0.5, 1.0):
        y = _y(top * share, top)
        marks.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * share:,.0f}</text>'
            f'<path d="M{_LEFT},{y:.1f} h{_WIDTH}" stroke="#ccc" stroke-dasharray="2 4"/>'
        )
    return marks


def _legend(names: tuple[str, str]) -> list[str]:
    x = _LEFT + _WIDTH - 330
    return [
        f'<rect x="{x}" y="{_TOP + 6}" width="12" height="12" fill="{_COLOURS["bars"]}"/>'
        f'<text x="{x + 18}" y="{_TOP + 16}">{names[0]}</text>',
        f'<path d="M{x},{_TOP + 32} h12" stroke="{_COLOURS["line"]}"/>'
        f'<text x="{x + 18}" y="{_TOP + 36}">{names[1]}</text>',
    ]
