"""``suspend`` and ``resume``: a window that never opens, until it may again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._cluster import Cluster
from ._editing import edit
from ._hints import at as there
from ._options import Name
from ._seen import Seen, see
from ._times import now, shown, until


async def suspend(cluster: Cluster, name: Name) -> None:
    """Let a window not open until it is resumed; what is open ends."""
    if await _set(cluster, name, True) is None:
        print(f"maintenancewindow/{name} is suspended already")
    else:
        print(f"maintenancewindow/{name} suspended")
        print(f"  let it open again: fastapi-maintenance resume {name} {there(cluster.namespace)}")


async def resume(cluster: Cluster, name: Name) -> None:
    """Let a suspended window open again, at once if it has begun."""
    after = await _set(cluster, name, False)
    if after is None:
        print(f"maintenancewindow/{name} is not suspended")
        return
    print(f"maintenancewindow/{name} resumed")
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
