"""The coming days as a picture: a lane for each window.

Lanes stretch with the page, hence shares of a lane's width, and all text beside the pictures. The
table below has the same as text, so that readers of a screen are not told it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from xml.etree.ElementTree import Element

from fastapi_maintenance.windows import Mode

from .elements import element
from .model import Page
from .rows import Kind, Row, Span
from .words import apps_of, mode_of, remarks

_LEAST_WIDTH = 0.35
"""Per cent of a lane: a few minutes are to be seen, too."""
_LANE = 22
"""Pixels."""


def timeline(page: Page) -> Element:
    """The lanes of all windows, by namespace, under the days."""
    names = groupby(page.rows, key=lambda row: row.window.namespace)
    groups = [_group(page, namespace, list(rows)) for namespace, rows in names]
    return element("div", _days(page), *groups, class_="timeline", aria_hidden="true")


def legend() -> Element:
    """What the lanes mean."""
    samples = (
        ("full", Kind.OPEN, "refuses everything"),
        ("writes", Kind.OPEN, "refuses writes"),
        ("full both", Kind.OPEN, "overlaps another window"),
        ("full", Kind.CUT, "cut out, or does not take place"),
    )
    items = [element("li", _sample(how, kind), text) for how, kind, text in samples]
    line = element("line", x1=14, x2=14, y1=0, y2="100%", class_="now")
    items.append(element("li", _picture(28, line), "now"))
    return element("ul", *items, class_="legend")


def _sample(how: str, kind: Kind) -> Element:
    return _picture(28, *_shapes(0, 100, how, kind))


def _picture(width: int | str, *shapes: Element) -> Element:
    return element("svg", *shapes, width=width, height=_LANE, class_="lane", aria_hidden="true")


def _days(page: Page) -> Element:
    names = [element("span", day.strftime("%a %d"), class_="day") for day in page.days[:-1]]
    return element("div", element("span"), element("div", *names, class_="names"), class_="days")


def _group(page: Page, namespace: str, rows: Sequence[Row]) -> Element:
    return element(
        "div",
        element("p", namespace, class_="place"),
        *(_lane(page, row) for row in rows),
        class_="group",
    )


def _lane(page: Page, row: Row) -> Element:
    window = row.window
    bars = (_bar(page, row, s) for s in sorted(row.spans, key=lambda s: s.kind is Kind.OPEN))
    picture = _picture("100%", *_grid(page), *bars, _now(page))
    name = element(
        "div",
        element("strong", window.name),
        element("small", f"{apps_of(window)}" + ("" if row.is_whole else ", and more often")),
        class_="name",
    )
    return element("div", name, picture, class_="row")


def _grid(page: Page) -> Iterator[Element]:
    for (begin, end), number in zip(pairwise(page.days), range(len(page.days)), strict=False):
        x, width = _share(page, begin), _share(page, end) - _share(page, begin)
        kind = "weekend" if begin.weekday() >= 5 else "even" if number % 2 else "odd"
        yield element("rect", x=_cent(x), width=_cent(width), height="100%", class_=kind)


def _now(page: Page) -> Element:
    x = _cent(_share(page, page.now))
    return element("line", x1=x, x2=x, y1=0, y2="100%", class_="now")


def _bar(page: Page, row: Row, span: Span) -> Element:
    start, end = _share(page, span.start), _share(page, span.end or page.days[-1])
    width = min(max(end - start, _LEAST_WIDTH), 100 - start)
    how = "full" if row.window.mode is Mode.FULL else "writes"
    over = " over" if span.end is not None and span.end <= page.now else ""
    both = " both" if span.overlaps else ""
    shapes = _shapes(start, width, how + over + both, span.kind)
    return element("g", element("title", _title(page, row, span)), *shapes)


def _shapes(start: float, width: float, how: str, kind: Kind) -> Iterator[Element]:
    place: dict[str, str] = {"x": _cent(start), "width": _cent(width), "rx": "2"}
    y, height = (6, _LANE - 12) if how.startswith("writes") else (3, _LANE - 6)
    shape = how if kind is Kind.OPEN else "missing"
    yield element("rect", y=y, height=height, class_=f"bar {shape}", **place)
    if kind is Kind.OPEN and how.endswith("both"):
        yield element("rect", y=_LANE - 5, height=3, class_="strip", **place)


def _title(page: Page, row: Row, span: Span) -> str:
    """What a mouse is told."""
    start = span.start.astimezone(page.place).strftime("%a %d %b %H:%M")
    end = span.end.astimezone(page.place).strftime("%a %d %b %H:%M") if span.end else "it is ended"
    said = remarks(span, notes=page.wish.notes)
    parts = [f"{row.window.key}, {mode_of(row.window)}", f"{start} until {end}", said]
    return "\n".join(part for part in parts if part)


def _share(page: Page, instant: datetime) -> float:
    """Where an instant is between the first and the last midnight, in per cent."""
    begin, end = page.days[0].timestamp(), page.days[-1].timestamp()
    share = (instant.timestamp() - begin) / (end - begin)
    return 100 * min(max(share, 0.0), 1.0)


def _cent(value: float) -> str:
    return f"{value:.3f}%"
