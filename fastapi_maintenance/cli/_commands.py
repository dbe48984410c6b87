"""How a verb becomes a command: kubectl's flags added, faults told, a screenful of help."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

import typer

from . import _options as options
from ._access import Flags, connected
from ._failures import told

Verb = Callable[..., Coroutine[Any, Any, None]]

FLAGS: dict[str, Any] = {
    "namespace": options.Namespace,
    "context": options.Context,
    "kubeconfig": options.Kubeconfig,
    "as_": options.As,
    "as_group": options.AsGroup,
}
"""On every verb that asks a cluster."""


def add(app: typer.Typer, name: str, verb: Verb, *examples: str) -> None:
    """Add a verb whose first parameter is the Cluster."""

    def command(**given: Any) -> None:
        flags = Flags.of(given)
        with told():
            asyncio.run(_on_cluster(verb, flags, given))

    _register(app, name, verb, command, examples, _without_first(verb), FLAGS)


def add_local(app: typer.Typer, name: str, verb: Callable[..., None], *examples: str) -> None:
    """Add a verb that finds a cluster by itself, if it needs one; it takes `flags`."""

    def command(**given: Any) -> None:
        flags = Flags.of(given)
        with told():
            verb(flags, **given)

    _register(app, name, verb, command, examples, _without_first(verb), FLAGS)


async def _on_cluster(verb: Verb, flags: Flags, given: dict[str, Any]) -> None:
    async with connected(flags) as cluster:
        await verb(cluster, **given)


def _without_first(verb: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a verb that are the user's, with their hints evaluated."""
    hints = get_type_hints(verb, include_extras=True)
    found = list(inspect.signature(verb).parameters.values())[1:]
    return [each.replace(annotation=hints[each.name]) for each in found]


def _register(
    app: typer.Typer,
    name: str,
    verb: Callable[..., Any],
    command: Callable[..., None],
    examples: tuple[str, ...],
    own: list[inspect.Parameter],
    flags: dict[str, Any],
) -> None:
    keyword = inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter(flag, keyword, default=None, annotation=kind)
        for flag, kind in flags.items()
    ]
    parameters = [each.replace(kind=keyword) for each in own] + more
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    settings = None
    if any(each.name == "command" for each in own):
        settings = {"allow_interspersed_args": True}
    app.command(name, help=_help(verb, examples), context_settings=settings)(command)


def _help(verb: Callable[..., Any], examples: tuple[str, ...]) -> str:
    shown = "\n".join(f"  {example}" for example in examples)
    title = "Example" if len(examples) == 1 else "Examples"
    return f"{inspect.getdoc(verb)}\n\n\b\n{title}:\n{shown}"
