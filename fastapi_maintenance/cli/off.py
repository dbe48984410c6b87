"""``off``: end what ``on`` has opened."""

from __future__ import annotations

from ._cluster import Cluster
from ._failures import Failure
from ._options import Apps
from ._others import mends, note_all_open, others_open, still
from ._seen import ON, Seen, see
from ._times import now
from .end import end_window


async def off(cluster: Cluster, apps: Apps) -> None:
    """End what `on` has opened for exactly these apps.

    Exit: 1 where another window still holds one of them; it is named.
    """
    items = await cluster.windows()
    mine = [each for each in (see(item, now()) for item in items) if _is_of(each, apps)]
    for each in mine:
        await end_window(cluster, each.name)
    left = others_open(await cluster.windows(), apps)
    if left:
        raise Failure(still(left), mends(left))
    if not mine:
        print(f"nothing is on for {', '.join(apps)}")
        note_all_open(items)


def _is_of(seen: Seen, apps: list[str]) -> bool:
    return (
        seen.made_for == ON
        and seen.current is not None
        and seen.window is not None
        and set(seen.window.apps) == set(apps)
    )
