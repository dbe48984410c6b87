"""The command line as a page: what each verb says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from fastapi_maintenance.cli._app import app
from fastapi_maintenance.cli._commands import FLAGS

INTRODUCTION = """# Command line, verb by verb

What `--help` says. Which cluster is meant, exit codes and what `run` promises:
[the command line](../cli.md). Every verb takes these too, as kubectl does:

| flag | meaning |
| --- | --- |
"""
_WIDTH = {"COLUMNS": "80", "TERMINAL_WIDTH": "80"}


def page() -> str:
    """The page as Markdown."""
    group: Any = typer.main.get_command(app)
    verbs = "\n".join(_verb(name) for name in group.commands)
    return INTRODUCTION + "\n".join(_flags(group)) + "\n\n" + verbs


def _flags(group: Any) -> Iterator[str]:
    options = {option.name: option for option in group.commands["end"].params}
    for name in FLAGS:
        spelled = ", ".join(f"`{each}`" for each in options[name].opts)
        yield f"| {spelled} | {options[name].help} |"


def _verb(name: str) -> str:
    said = CliRunner().invoke(app, [name, "--help"], env=_WIDTH, prog_name="fastapi-maintenance")
    return f"## {name}\n\n```text\n{said.stdout.strip()}\n```\n"
