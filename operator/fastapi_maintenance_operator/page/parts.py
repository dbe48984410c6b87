"""Sections and tables, of which the page is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from .elements import Child, element


def section(name: str, title: str, *children: Child) -> Element:
    """A part of the page under a heading of its own; it is replaced whole when it changes."""
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def table(labelled_by: str, head: Sequence[str], rows: Iterable[Sequence[Child]]) -> Element:
    """The roles stand for themselves, since on a narrow screen rows become blocks of text."""
    cells = [element("th", name, scope="col", role="columnheader") for name in head]
    lines = [element("tr", *map(_cell, head, row), role="row") for row in rows]
    return element(
        "table",
        element("thead", element("tr", *cells, role="row"), role="rowgroup"),
        element("tbody", *lines, role="rowgroup"),
        role="table",
        aria_labelledby=labelled_by,
    )


def _cell(name: str, value: Child) -> Element:
    kind = "empty" if value == "" else name.lower().replace(" ", "-")
    return element("td", value, role="cell", class_=kind)


def left_out(number: int, what: str, mend: str) -> Element | None:
    """What is not shown for want of room; nothing where all is."""
    return element("p", f"{number} more {what}: {mend}.", class_="quiet") if number else None
