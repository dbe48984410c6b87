"""``postpone``: let the next occurrence begin later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi_maintenance.windows import Occurrence

from ._cluster import Cluster
from ._editing import edit
from ._kinds import title
from ._options import By, EditedName
from ._overriding import postponed
from ._seen import Seen
from ._times import duration_of, now, shown_in


async def postpone(cluster: Cluster, name: EditedName, by: By) -> None:
    """Let the next occurrence begin later; others stay as they are."""
    length, planned = duration_of(by, "--by"), list[Occurrence]()

    def change(seen: Seen) -> Mapping[str, Any]:
        assert seen.window is not None
        items, before = postponed(seen.item["spec"], seen.window, seen.at, length)
        planned[:] = [before]
        return {"overrides": items}

    seen, _ = await edit(cluster, name, change, "overrides")
    was, at = planned[0].start, now()
    before, after = (shown_in(seen.zone, each, at) for each in (was, was + length))
    print(f"{title(name)} postponed from {before} to {after}")
