"""``timeline``: the coming days, drawn in the terminal."""

from __future__ import annotations

import asyncio
import shutil
import sys
from datetime import timedelta

from ._access import Flags
from ._drawing import ASCII, UNICODE, Drawing
from ._options import AllNamespaces, Days, FromFile
from ._output import tell
from ._sources import seen_windows, valid
from ._times import now


def timeline(
    flags: Flags,
    all_namespaces: AllNamespaces = False,
    file: FromFile = None,
    days: Days = 7,
) -> None:
    """Draw the coming days: what opens, what is cut, what overlaps."""
    at = now()
    seen = valid(asyncio.run(seen_windows(flags, file, all_namespaces, at)))
    windows = [each.window for each in seen if each.window]
    if not windows:
        tell("No windows: nothing is planned.")
        return
    width = shutil.get_terminal_size((80, 24)).columns
    signs = UNICODE if "utf" in (sys.stdout.encoding or "").lower() else ASCII
    drawing = Drawing(windows, at, timedelta(days=days), width, signs, all_namespaces)
    print("\n".join(drawing.lines()))
