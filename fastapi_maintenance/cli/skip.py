"""``skip``: leave one occurrence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fastapi_maintenance.windows import Occurrence

from ._checks import checked
from ._cluster import Cluster
from ._editing import edit
from ._kinds import title
from ._options import EditedName
from ._overriding import skipped
from ._seen import Seen, see
from ._times import now, shown_in, time_of

_Which = Annotated[
    str | None,
    typer.Option(help="By its planned start; else the next.", callback=checked(time_of)),
]


async def skip(cluster: Cluster, name: EditedName, occurrence: _Which = None) -> None:
    """Leave out the next occurrence, or the one of a planned start."""
    which = time_of(occurrence, "--occurrence") if occurrence else None
    planned = list[Occurrence]()

    def change(seen: Seen) -> Mapping[str, Any]:
        assert seen.window is not None
        items, before = skipped(seen.item["spec"], seen.window, seen.at, which)
        planned[:] = [before]
        return {"overrides": items}

    was, item = await edit(cluster, name, change, "overrides")
    at = now()
    print(f"{title(name)}: the occurrence of {shown_in(was.zone, planned[0].start, at)} is skipped")
    if item is not None and (following := see(item, at).following):
        print(f"  it opens next at {shown_in(was.zone, following.start, at)}")
