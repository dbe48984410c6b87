"""HTML as a tree: whatever is put into it is text, unless it is an element, and is escaped."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, tostring

Child = Element | str | None

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no document may hold, and what no encoding has."""


def element(tag: str, *children: Child, **attributes: str | int | float | bool | None) -> Element:
    """An element; of names, ``_`` at the end goes and others become ``-``.

    Attributes that are None or False are left out, those that are True have no value.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            text = "" if value is True else _clean(str(value))
            made.set(name.rstrip("_").replace("_", "-"), text)
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            last = _append(made, last, _clean(child))
        elif child is not None:
            made.append(child)
            last = child
    return made


def document(root: Element) -> str:
    """The text of a whole document."""
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _append(made: Element, last: Element | None, text: str) -> Element | None:
    if last is None:
        made.text = (made.text or "") + text
    else:
        last.tail = (last.tail or "") + text
    return last


def _clean(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
