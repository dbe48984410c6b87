"""``on``: open a window now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fastapi_maintenance.windows import format_duration

from ._checks import check_name, check_prose, checked
from ._cluster import Cluster
from ._failures import Mistyped
from ._hints import named
from ._opening import Opening, open_window
from ._options import (
    Apps,
    Duration,
    IfNoProcesses,
    Message,
    Output,
    OutputAs,
    Proof,
    ReadOnly,
    Timeout,
    Unreported,
)
from ._others import note_others, note_unregistered
from ._output import show, tell
from ._seen import ON, Seen
from ._times import duration_of, until
from ._waiting import Wait

_UntilOff = Annotated[bool, typer.Option("--until-off", help="No planned end.")]
_Called = Annotated[
    str | None,
    typer.Option("--name", help="Of the window; else by the apps.", callback=checked(check_name)),
]
_WaitFor = Annotated[Proof | None, typer.Option("--wait", help="Return only then.")]
_Description = Annotated[
    str | None, typer.Option(help="Ticket, owner; never in answers.", callback=checked(check_prose))
]


def check_on(given: dict[str, Any]) -> None:
    """How long it lasts is not for us to guess."""
    if (given["duration"] is None) is given["until_off"]:
        return
    problem = "say how long it lasts"
    if given["until_off"]:
        problem += ": --duration and --until-off exclude each other"
    raise Mistyped(problem, "for example --duration 30m; without a planned end: --until-off")


async def on(
    cluster: Cluster,
    apps: Apps,
    duration: Duration = None,
    until_off: _UntilOff = False,
    name: _Called = None,
    message: Message = None,
    description: _Description = None,
    read_only: ReadOnly = False,
    wait: _WaitFor = None,
    timeout: Timeout = "5m",
    if_no_processes: IfNoProcesses = Unreported.FAIL,
    output: OutputAs = Output.TABLE,
) -> None:
    """Open a window now, and say how to end it. Where it is open already, nothing changes."""
    length, patience = (
        duration_of(duration) if duration else None,
        duration_of(timeout, "--timeout"),
    )
    opening = Opening(tuple(apps), length, ON, name, message, read_only, description)
    seen, is_new = await open_window(cluster, opening)
    if not is_new and (without_effect := unapplied(seen, opening)):
        options = " and ".join(without_effect)
        tell(f"note: it was on already and stays as it is; not applied: {options}")
    if output is Output.TABLE:
        _say(seen, is_new)
        await note_others(cluster, apps, seen.name)
    else:
        show([seen.item], output, single=True)
    await note_unregistered(cluster, apps)
    if wait is not None:
        least = int(seen.item["metadata"]["generation"])
        ok = if_no_processes is Unreported.OK
        judged = await Wait(cluster, seen.name, wait, patience, ok, least).run()
        tell(f"{wait}: {judged.message}")


def unapplied(seen: Seen, opening: Opening) -> list[str]:
    """The options that would have made another window of one that is open already."""
    window = seen.window
    assert window is not None
    given = {
        f"--duration {format_duration(opening.duration)}" if opening.duration else "": True,
        "--until-off": opening.duration is None and seen.end is not None,
        "--message": opening.message not in (None, window.response.message),
        "--description": opening.description not in (None, window.description),
    }
    return [option for option, has_none in given.items() if option and has_none]


def _say(seen: Seen, is_new: bool) -> None:
    assert seen.window is not None
    end = seen.end
    did = "opened" if is_new else "is on already"
    what = f"{seen.window.mode}, {', '.join(seen.window.apps)}"
    print(f"maintenancewindow/{seen.name} {did} ({what}) until {until(end, seen.at)}")
    place = named(seen.name, seen.namespace)
    print(f"  end it:    fastapi-maintenance end {place}")
    if end is not None:
        print(f"  extend it: fastapi-maintenance extend {place} --by 30m")
