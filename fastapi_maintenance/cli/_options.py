"""Options that several verbs have, as kubectl has them where it does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ._checks import check_apps, check_from_to, check_name, check_prose, checked
from ._completing import (
    app_names,
    context_names,
    namespace_names,
    unfinished_names,
    window_names,
)
from ._kinds import typed_name, typed_name_of_any
from ._times import duration_of


class Output(StrEnum):
    """How objects are shown."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class Proof(StrEnum):
    """What can be waited for of processes."""

    ENFORCED = "enforced"
    DRAINED = "drained"


class Unreported(StrEnum):
    """What it means that no process reports."""

    FAIL = "fail"
    OK = "ok"


Name = Annotated[
    str,
    typer.Argument(
        help="Of the window.",
        autocompletion=window_names,
        show_default=False,
        callback=checked(typed_name),
    ),
]
EditedName = Annotated[
    str,
    typer.Argument(
        help="Of the window; cmw/NAME: of the cluster.",
        autocompletion=unfinished_names,
        show_default=False,
        callback=checked(typed_name_of_any),
    ),
]
Apps = Annotated[
    list[str],
    typer.Argument(
        help="Names of apps, or globs; '*' is all.",
        autocompletion=app_names,
        show_default=False,
        callback=checked(check_apps),
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        *("-n", "--namespace"),
        help="Where.",
        autocompletion=namespace_names,
        callback=checked(check_name),
    ),
]
AllNamespaces = Annotated[bool, typer.Option("-A", "--all-namespaces", help="All namespaces.")]
OutputAs = Annotated[
    Output, typer.Option("-o", "--output", metavar="FORMAT", help="table, json, yaml or name.")
]
Context = Annotated[
    str | None,
    typer.Option(help="Of the kubeconfig.", hidden=True, autocompletion=context_names),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(help="The file; else $KUBECONFIG, a Pod's account, ~/.kube/config.", hidden=True),
]
As = Annotated[str | None, typer.Option("--as", help="Whom to impersonate.", hidden=True)]
AsGroup = Annotated[
    list[str] | None, typer.Option("--as-group", help="A group to impersonate.", hidden=True)
]
_a_duration = checked(duration_of)
Timeout = Annotated[str, typer.Option(help="How long to wait, as 1h.", callback=_a_duration)]
Duration = Annotated[
    str | None, typer.Option(help="How long it lasts, as 2h30m.", callback=_a_duration)
]
NeededDuration = Annotated[
    str, typer.Option(help="How long, as 2h30m.", show_default=False, callback=_a_duration)
]
By = Annotated[
    str,
    typer.Option(help="How much, as 30m or 1h15m.", show_default=False, callback=_a_duration),
]
Message = Annotated[
    str | None,
    typer.Option(help="What refused requests are told.", callback=checked(check_prose)),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Let GET, HEAD, OPTIONS pass.")]
IfNoProcesses = Annotated[Unreported, typer.Option(help="Where no process reports.")]
Days = Annotated[
    int, typer.Option(help="How far to look.", callback=checked(check_from_to(1, 366)))
]
FromFile = Annotated[
    str | None, typer.Option("-f", "--file", help="Manifests instead; - is standard input.")
]
