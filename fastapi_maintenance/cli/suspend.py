"""``suspend`` and ``resume``: a window that never opens, until it may again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._cluster import Cluster
from ._editing import edit
from ._hints import named
from ._kinds import title
from ._options import EditedName
from ._seen import Seen, see
from ._times import now, shown, until


async def suspend(cluster: Cluster, name: EditedName) -> None:
    """Let a window not open until it is resumed; what is open ends."""
    if await _set(cluster, name, True) is None:
        print(f"{title(name)} is suspended already")
    else:
        print(f"{title(name)} suspended")
        place = named(name, cluster.namespace)
        print(f"  let it open again: fastapi-maintenance resume {place}")


async def resume(cluster: Cluster, name: EditedName) -> None:
    """Let a suspended window open again, at once if it has begun."""
    after = await _set(cluster, name, False)
    if after is None:
        print(f"{title(name)} is not suspended")
        return
    print(f"{title(name)} resumed")
    if after.current:
        print(f"  it is open until {until(after.current.end, after.at)}")
    elif after.following:
        print(f"  it opens next at {shown(after.following.start, after.at)}")


async def _set(cluster: Cluster, name: str, value: bool) -> Seen | None:
    """The window as it is then; None where it was so."""

    def change(seen: Seen) -> Mapping[str, Any] | None:
        is_so = bool(seen.item["spec"].get("suspend")) is value
        return None if is_so else {"suspend": value}

    _, item = await edit(cluster, name, change, "suspend")
    return see(item, now()) if item else None
