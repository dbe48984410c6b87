"""All verbs, under one name."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ._commands import BeforeTwoDashes, add, add_local
from ._verbs import Verbs
from .bypass import bypass
from .calendar import calendar
from .crds import crds
from .end import end
from .explain import explain
from .extend import extend
from .off import off
from .on import check_on, on
from .postpone import postpone
from .processes import processes
from .rbac import rbac
from .run import RUN_FAILED, check_run
from .run import run as run_verb
from .schedule import schedule
from .skip import skip
from .status import status
from .suspend import resume, suspend
from .timeline import timeline
from .wait import wait

_PLUGIN = "kubectl-maintenance"

app = typer.Typer(
    cls=Verbs,
    help="Maintenance windows of FastAPI applications on Kubernetes.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"fastapi-maintenance {importlib.metadata.version('fastapi-maintenance')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say it, and exit."),
    ] = False,
) -> None:
    pass


NAME = "fastapi-maintenance"

WATCH, NOW, PLAN, SET_UP = "Watch", "Now", "Plan", "Set up"

add_local(app, "status", status, f"{NAME} status -A", group=WATCH)
add(app, "wait", wait, f"{NAME} wait orders-db-upgrade --for drained", group=WATCH)
add(
    app,
    "processes",
    processes,
    f"{NAME} processes",
    f"{NAME} processes --remove orders-7d9f-x",
    group=WATCH,
)
add_local(
    app,
    "explain",
    explain,
    f"{NAME} explain window.yaml --count 3",
    f"{NAME} explain weekly --at 2026-06-07T02:30 --path /orders",
    group=WATCH,
)
add_local(app, "timeline", timeline, f"{NAME} timeline -A --days 14", group=WATCH)
add_local(app, "calendar", calendar, f"{NAME} calendar -A > maintenance.ics", group=WATCH)

add(
    app,
    "run",
    run_verb,
    f"{NAME} run orders --duration 30m -- alembic upgrade head",
    group=NOW,
    check=check_run,
    fails_with=RUN_FAILED,
    kind=BeforeTwoDashes,
)
add(
    app,
    "on",
    on,
    f"{NAME} on orders --duration 30m --wait drained",
    group=NOW,
    check=check_on,
)
add(app, "off", off, f"{NAME} off orders", group=NOW)
add(app, "end", end, f"{NAME} end orders-db-upgrade", group=NOW)
add(app, "extend", extend, f"{NAME} extend orders-db-upgrade --by 30m", group=NOW)
add(
    app,
    "bypass",
    bypass,
    f"{NAME} bypass orders-db-upgrade --url https://shop.example",
    group=NOW,
)

add_local(
    app,
    "schedule",
    schedule,
    f'{NAME} schedule weekly orders --cron "0 2 * * sun" \\',
    "    --duration 2h --tz Europe/Berlin --dry-run=client",
    group=PLAN,
)
add(app, "postpone", postpone, f"{NAME} postpone weekly --by 1h", group=PLAN)
add(
    app,
    "skip",
    skip,
    f"{NAME} skip weekly",
    f"{NAME} skip weekly --occurrence 2026-06-07T02:00",
    group=PLAN,
)
add(app, "suspend", suspend, f"{NAME} suspend weekly", group=PLAN)
add(app, "resume", resume, f"{NAME} resume weekly", group=PLAN)

add_local(app, "crds", crds, f"{NAME} crds | kubectl apply --server-side -f -", group=SET_UP)
add_local(app, "rbac", rbac, f"{NAME} rbac --for shop:orders | kubectl apply -f -", group=SET_UP)


def run() -> None:
    """Run it by the name that it was called by."""
    try:
        app(prog_name=name())
    except BrokenPipeError:  # whoever read has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def name() -> str:
    """What people have typed."""
    is_plugin = Path(sys.argv[0]).stem == _PLUGIN
    return "kubectl maintenance" if is_plugin else NAME
