"""``off``: end what ``on`` has opened."""

from __future__ import annotations

from ._cluster import Cluster
from ._failures import Failure
from ._hints import at as there
from ._opening import others_open
from ._options import Apps
from ._seen import ON, Seen, see
from ._times import now, until
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
        raise Failure(_still(left), "\n  ".join(_mend(each) for each in left))
    if not mine:
        print(f"nothing is on for {', '.join(apps)}")


def _is_of(seen: Seen, apps: list[str]) -> bool:
    return (
        seen.made_for == ON
        and seen.current is not None
        and seen.window is not None
        and set(seen.window.apps) == set(apps)
    )


def _still(left: list[Seen]) -> str:
    named = [
        f"{each.name} (until {until(each.current.end if each.current else None, each.at)})"
        for each in left
    ]
    return f"still in maintenance by {', '.join(named)}"


def _mend(seen: Seen) -> str:
    return f"end it: fastapi-maintenance end {seen.name} {there(seen.namespace)}"
