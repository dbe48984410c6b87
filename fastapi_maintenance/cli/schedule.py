"""``schedule``: write a window that comes again, or print it."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.windows import API_VERSION, KIND, parse_manifest
from fastapi_maintenance.windows.explain import explain

from ._access import Flags, connected
from ._checks import check_cron, check_name, checked
from ._cluster import Object
from ._failures import Failure, Mistyped
from ._hints import at as there
from ._options import Apps, Message, NeededDuration, Output, OutputAs, ReadOnly
from ._others import note_unregistered
from ._output import show, tell
from ._seen import OPENED_BY
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
    str, typer.Option(help="An IANA zone.", show_default=False, callback=checked(check_zone))
]
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
    dry_run: _DryRun = None,
    output: OutputAs = Output.TABLE,
) -> None:
    """Write a window that comes again, or print it.

    It tells when it opens, in its zone and in yours.
    """
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
    _tell_when(item)
    if dry_run is not DryRun.CLIENT:
        item = asyncio.run(_write(flags, item, dry_run is DryRun.SERVER))
    if dry_run is None and output is Output.TABLE:
        print(f"maintenancewindow/{name} created")
    else:
        show([item], Output.YAML if output is Output.TABLE else output, single=True)


async def _write(flags: Flags, item: Object, only_say: bool) -> Object:
    async with connected(flags) as cluster:
        item["metadata"]["namespace"] = cluster.namespace
        if who := await cluster.user():
            item["metadata"]["annotations"] = {OPENED_BY: who}
        try:
            made = await cluster.create_window(item, only_say)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            name = item["metadata"]["name"]
            raise Failure(
                f'maintenancewindow "{name}" is there already',
                f"change it: kubectl edit maintenancewindow {name} {there(cluster.namespace)}",
            ) from error
        await note_unregistered(cluster, item["spec"]["apps"])
        return made


def _tell_when(item: Object) -> None:
    """The next occurrences, and what the clocks do to them."""
    explained = explain(parse_manifest(item), now(), occurrences=3)
    if explained.never_opens:
        raise Mistyped("--cron: no day ever fits this schedule", "see: man 5 crontab")
    for told in explained.following:
        if told.piece is not None:
            tell(f"opens {occurrence_line(told.piece, explained.zone)}")
