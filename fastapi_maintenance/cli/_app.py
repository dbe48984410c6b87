"""All verbs, under one name."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ._commands import add, add_local
from .end import end
from .on import on
from .status import status
from .wait import wait

_PLUGIN = "kubectl-maintenance"

app = typer.Typer(
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


add_local(app, "status", status, "fastapi-maintenance status -A")
add(app, "on", on, "fastapi-maintenance on orders --duration 30m --wait drained")
add(app, "end", end, "fastapi-maintenance end orders-on")
add(app, "wait", wait, "fastapi-maintenance wait orders-db-upgrade --for drained")


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
    return "kubectl maintenance" if is_plugin else "fastapi-maintenance"
