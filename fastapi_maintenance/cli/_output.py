"""What goes to the terminal: tables, objects, and what is happening meanwhile."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from fastapi_maintenance.windows import GROUP

from ._options import Output

Object = dict[str, Any]


def show(items: Sequence[Object], how: Output, *, single: bool = False) -> None:
    """Objects as JSON, YAML or names; a table is each verb's own."""
    if how is Output.NAME:
        for item in items:
            print(f"{item['kind'].lower()}.{GROUP}/{item['metadata']['name']}")
        return
    clean = [_without_managers(item) for item in items]
    whole = clean[0] if single else {"apiVersion": "v1", "kind": "List", "items": clean}
    print(json.dumps(whole, indent=2) if how is Output.JSON else yaml_of(whole), end="")
    if how is Output.JSON:
        print()


def yaml_of(value: Any) -> str:
    """YAML as kubectl prints it."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as kubectl has them, without empty ones; what matters is in colour on a terminal."""
    head, *rows = _without_empty_columns(head, rows)
    if not sys.stdout.isatty():
        print("\n".join(_plain([head, *rows])))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for number, line in enumerate(_plain([head, *rows])):
        text = Text(line, style="bold" if not number else "")
        for words, style in _STYLES.items():
            text.highlight_words(words, style)
        console.print(text)


_STYLES = {
    ("Open", "Invalid", "False"): "red",
    ("Scheduled", "Unknown"): "yellow",
    ("True",): "green",
}


def _without_empty_columns(
    head: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[Sequence[str]]:
    """Lines are short where few things are to be told, so that a narrow terminal folds none."""
    kept = [column for column in zip(head, *rows, strict=True) if any(column[1:])]
    return list(zip(*kept, strict=True))


def _plain(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def tell(text: str) -> None:
    """Something for people, beside what the command gives: on standard error."""
    _write(f"{_time_of(text)}{text}\n")


_TIMED: ContextVar[bool] = ContextVar("timed", default=False)


def tell_times() -> None:
    """Let each further news begin with its time, unless a person sees it come."""
    _TIMED.set(not sys.stderr.isatty())


def _time_of(text: str) -> str:
    if not _TIMED.get() or text.startswith((" ", "error:")):
        return ""
    return f"{datetime.now().astimezone().isoformat(timespec='seconds').replace('+00:00', 'Z')} "


def _write(text: str) -> None:
    """What can be told no more is no reason to stop."""
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except OSError:
        _forget(sys.stderr.fileno())


def forget_terminal() -> None:
    """Say nothing any more where what was written to has gone, as a terminal that was closed.

    Else each further word would be an error, and the exit code another.
    """
    for stream in (1, 2):
        try:
            os.write(stream, b"")
        except OSError:
            _forget(stream)


def _forget(stream: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream)
    os.close(nowhere)


class Progress:
    """What is waited for: one line that changes on a terminal, elsewhere a line for each news."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._told = ""
        self._dirty = False

    def say(self, text: str) -> None:
        """The present state of affairs."""
        if self._tty:
            self._rewrite(text)
        elif text != self._told:
            self._told = text
            tell(text)

    def _rewrite(self, text: str) -> None:
        import shutil

        room = max(20, shutil.get_terminal_size().columns - 1)
        half = room // 2  # what stands at the end, as since when, matters as much
        shown = text if len(text) <= room else f"{text[: room - half - 1]}…{text[-half:]}"
        _write(f"\r\033[K{shown}")
        self._dirty = True

    def note(self, text: str) -> None:
        """Something that is to stay there to be read."""
        self.done()
        tell(text)

    def done(self) -> None:
        """Leave no half line behind."""
        if self._dirty:
            _write("\r\033[K")
            self._dirty = False


def _without_managers(item: Object) -> Object:
    metadata = {k: v for k, v in item["metadata"].items() if k != "managedFields"}
    return {**item, "metadata": metadata}
