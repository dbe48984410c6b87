"""What mends a text that is not YAML. The commonest slips are values that need quotes."""

from __future__ import annotations

from typing import Any

_QUOTE = "put the value in quotes"
_WRITE = "write on, off, read-only, or a MaintenanceWindow manifest"
_MENDS = {
    "while scanning an alias": f"* begins an alias: {_QUOTE}",
    "while scanning an anchor": f"& begins an anchor: {_QUOTE}",
    "while scanning a block scalar": _QUOTE,
}
"""By what the parser was doing, which both of PyYAML's parsers say in these words."""


def mend_of(cause: Exception, text: str) -> str:
    """What to write instead.

    Args:
        cause: what the parser raised.
        text: what it was to read.
    """
    context, mark = getattr(cause, "context", None), getattr(cause, "problem_mark", None)
    if mark is None:
        return _WRITE
    if context == "while scanning a quoted scalar":
        return f"close the quotes that begin in line {cause.context_mark.line + 1}"  # type: ignore[attr-defined]
    line = _line(text, mark)
    if line[mark.column : mark.column + 1] == "\t":
        return "indent with spaces, not with tabs"
    return _MENDS.get(context or "") or _mend_of_token(cause, line, mark.column)


def _mend_of_token(cause: Any, line: str, column: int) -> str:
    """Of what can't stand where it stands; ``::1`` in a list is one."""
    before, there = line[:column], line[column : column + 1]
    if "start any token" in cause.problem or ("node content" in cause.problem and there == ":"):
        return _QUOTE
    if "mapping values" in cause.problem:
        return _QUOTE if ": " in before else "align the line with the fields beside it"
    return _WRITE


def _line(text: str, mark: Any) -> str:
    # Nothing where the parser knows other line breaks than Python.
    return next(iter(text.splitlines()[mark.line :]), "")
