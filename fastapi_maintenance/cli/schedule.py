"""``schedule``: write a window that comes again, or print it."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.windows import API_VERSION, KIND, parse_manifest
from fastapi_maintenance.windows.explain import Explanation, explain

from ._access import Flags, connected
from ._checks import check_cron, check_name, checked
from ._cluster import Cluster, Object
from ._completing import zone_names
from ._failures import Mistyped
from ._kinds import title
from ._options import Apps, Message, NeededDuration, Output, OutputAs, ReadOnly
from ._others import note_unregistered
from ._output import show, tell
from ._overlapping import note_never_closes, note_overlaps
from ._replacing import changes, check_may_be_replaced, differing, lines_of, patch_of
from ._seen import OPENED_BY, marks_of, see
from ._telling import occurrence_line
from ._times import now
from ._zones import check_zone

_CONFLICT = 409


class DryRun(StrEnum):
    """Who only says what it would be."""

    CLIENT = "client"
    SERVER = "server"


_Name = Annotated[
    str,
    typer.Argument(help="Of the window.", show_default=False, callback=checked(check_name)),
]
_Cron = Annotated[
    str,
    typer.Option(
        help="Minute hour day month weekday.", show_default=False, callback=checked(check_cron)
    ),
]
_Zone = Annotated[
    str,
    typer.Option(
        help="An IANA zone.",
        show_default=False,
        callback=checked(check_zone),
        autocompletion=zone_names,
    ),
]
_Replace = Annotated[bool, typer.Option("--replace", help="Change one that is there.")]
_DryRun = Annotated[DryRun | None, typer.Option(help="Print it, write nothing.")]


def schedule(
    flags: Flags,
    name: _Name,
    apps: Apps,
    cron: _Cron,
    duration: NeededDuration,
    tz: _Zone,
    message: Message = None,
    read_only: ReadOnly = False,
    replace: _Replace = False,
    dry_run: _DryRun = None,
    output: OutputAs = Output.TABLE,
) -> None:
    """Write a window that comes again, or print it; tell when it opens."""
    spec: Object = {"apps": apps, "schedule": cron, "duration": duration, "timeZone": tz}
    if read_only:
        spec["mode"] = "ReadOnly"
    if message:
        spec["response"] = {"message": message}
    item: Object = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, **({"namespace": flags.namespace} if flags.namespace else {})},
        "spec": spec,
    }
    explained, done = _explained(item), ""
    if dry_run is not DryRun.CLIENT:
        item, done = asyncio.run(_write(flags, item, replace, dry_run is DryRun.SERVER))
    _tell_when(explained)
    if dry_run is None and output is Output.TABLE:
        print(f"{title(name)} {done}")
    else:
        show([item], Output.YAML if output is Output.TABLE else output, single=True)


async def _write(
    flags: Flags, item: Object, may_replace: bool, only_say: bool
) -> tuple[Object, str]:
    """Make it, or change the one of its name; what there is then, and what was done."""
    async with connected(flags) as cluster:
        item["metadata"]["namespace"] = cluster.namespace
        if who := await cluster.user():
            item["metadata"]["annotations"] = {OPENED_BY: who}
        try:
            made, done = await cluster.create_window(item, only_say), "created"
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            made, done = await _beside(cluster, item, may_replace, only_say)
        await note_unregistered(cluster, item["spec"]["apps"])
        await note_overlaps(cluster, made)
        return made, done


async def _beside(
    cluster: Cluster, item: Object, may_replace: bool, only_say: bool
) -> tuple[Object, str]:
    """Where one of its name is there: nothing to do, or to be changed if that was said."""
    seen = see(await cluster.window(item["metadata"]["name"]), now())
    check_may_be_replaced(seen)
    there = seen.item["spec"]
    found = changes(there, item["spec"])
    if not found:
        return seen.item, "unchanged"
    if not may_replace or marks_of(seen.item):
        raise differing(seen, found)
    made = await cluster.patch_window(seen.item, patch_of(there, found), dry_run=only_say)
    tell("\n".join(lines_of(found)))
    return made, "changed"


def _explained(item: Object) -> Explanation:
    """With the next occurrences, of which there have to be some."""
    explained = explain(parse_manifest(item), now(), occurrences=3)
    if explained.never_opens:
        raise Mistyped("--cron: no day ever fits this schedule", "see: man 5 crontab")
    if explained.window is not None:
        note_never_closes(explained.window)
    return explained


def _tell_when(explained: Explanation) -> None:
    """When it opens, and what the clocks do to that."""
    for told in explained.following:
        if told.piece is not None:
            tell(f"opens {occurrence_line(told.piece, explained.zone)}")
