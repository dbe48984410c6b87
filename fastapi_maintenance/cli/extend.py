"""``extend``: let what is open end later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ._cluster import Cluster
from ._editing import edit
from ._kinds import title
from ._options import By, EditedName
from ._overriding import extended
from ._seen import Seen, see
from ._times import duration_of, now, until


async def extend(cluster: Cluster, name: EditedName, by: By) -> None:
    """Let what is open end later; other occurrences stay as they are."""
    after = await extend_window(cluster, name, duration_of(by, "--by"))
    print(f"{title(name)} extended until {until(after.end, after.at, after.zone)}")


async def extend_window(cluster: Cluster, name: str, by: timedelta) -> Seen:
    """Let it end later; gives the window as it is then."""

    def change(seen: Seen) -> Mapping[str, Any]:
        assert seen.window is not None
        return {"overrides": extended(seen.item["spec"], seen.window, seen.at, by)}

    _, item = await edit(cluster, name, change, "overrides")
    assert item is not None
    return see(item, now())
