"""``end``: end the open occurrence of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from fastapi_maintenance.windows import format_instant

from ._cluster import Cluster
from ._editing import edit
from ._hints import CLUSTER, of_the_next
from ._kinds import quoted, title
from ._options import EditedName
from ._others import note_still, run_of
from ._output import tell
from ._seen import Seen, see
from ._times import now, shown_in

_Ignore = Annotated[bool, typer.Option("--ignore-not-found", help="No window is fine too.")]


async def end(cluster: Cluster, name: EditedName, ignore_not_found: _Ignore = False) -> None:
    """End what is open now; later occurrences open as planned."""
    if ignore_not_found and await cluster.find_window(name) is None:
        tell(f"{quoted(name)} not found: nothing to end")
        return
    ended = await end_window(cluster, name)
    if about := run_of(ended):
        tell(f"note: {about}: that its window has ended does not stop it")
    if ended.window is not None and not name.startswith(CLUSTER):
        await note_still(cluster, ended.window.apps, name)


async def end_window(cluster: Cluster, name: str, say: Callable[[str], None] = print) -> Seen:
    """End it, unless it is over already, and say when it opens next; as it was before."""

    def change(seen: Seen) -> dict[str, object] | None:
        return {"endedAt": format_instant(seen.at)} if seen.current else None

    seen, item = await edit(cluster, name, change, "endedAt")
    if item is None:
        _say_not_open(seen, say)
        return seen
    after = see(item, now())
    following = (
        f"; it opens next at {shown_in(after.zone, after.following.start, after.at)}"
        if after.following
        else ""
    )
    say(f"{title(name)} ended{following}")
    return seen


def _say_not_open(seen: Seen, say: Callable[[str], None]) -> None:
    say(f"{title(seen.name)} is not open ({seen.state})")
    if seen.following:
        say(f"  {of_the_next(seen.name, seen.namespace)}")
