"""``calendar``: an .ics."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from fastapi_maintenance.windows import make_calendar

from ._access import Flags
from ._options import AllNamespaces, Days, FromFile
from ._sources import seen_windows, valid
from ._times import now

_Name = Annotated[str, typer.Option("--name", help="Of the calendar.")]


def calendar(
    flags: Flags,
    all_namespaces: AllNamespaces = False,
    file: FromFile = None,
    days: Days = 90,
    name: _Name = "Maintenance",
) -> None:
    """Print the coming windows as a calendar (.ics)."""
    at = now()
    seen = valid(asyncio.run(seen_windows(flags, file, all_namespaces, at)))
    windows = [each.window for each in seen if each.window]
    print(make_calendar(windows, at, timedelta(days=days), title=name), end="")
