"""``python -m tests.cleaning [DAYS]``: remove from the cache what nobody has used for so long.

That is, what was built or fetched by a state of the sources that no clone has any more. What a
process uses is left, and so is all that is no entry by its name.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.controlplane.binaries import cache_folder
from tests.controlplane.keeping import remove

KINDS = ("browser", "controlplane", "node", "programs")
"""Those whose entries are marked whenever they are used."""
DAYS = 30.0
NAME = re.compile(r"[0-9a-f]{16}|removing-[0-9a-f]+")


def unused(days: float, now: float) -> Iterator[tuple[Path, float]]:
    """Entries, and when they were used last."""
    latest = now - days * 86_400
    for kind in KINDS:
        folder = cache_folder(kind)
        for entry in sorted(folder.iterdir()) if folder.exists() else ():
            last = entry.stat().st_ctime
            if NAME.fullmatch(entry.name) and entry.is_dir() and last <= latest:
                yield entry, last


def main(*words: str, now: float | None = None) -> None:
    """Remove them, and say which."""
    days = float(words[0]) if words else DAYS
    for entry, last in unused(days, time.time() if now is None else now):
        day = datetime.fromtimestamp(last, UTC).date()
        done = "removed" if remove(entry) else "in use"
        print(f"{done}: {entry}, last used on {day}")


if __name__ == "__main__":
    main(*sys.argv[1:])
