"""How a verb becomes a command: kubectl's flags added, faults told, a screenful of help."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

from . import _options as options
from ._access import Flags, connected
from ._failures import FAILED, told
from ._hints import noting

COMMAND = "fastapi_maintenance.command"
"""Where the context keeps what stands behind two dashes."""

TYPED = "fastapi_maintenance.typed"
"""Where it keeps what stands before them."""

Verb = Callable[..., Coroutine[Any, Any, None]]

FLAGS: dict[str, Any] = {
    "namespace": options.Namespace,
    "context": options.Context,
    "kubeconfig": options.Kubeconfig,
    "as_": options.As,
    "as_group": options.AsGroup,
}
"""On every verb that asks a cluster."""


class BeforeTwoDashes(TyperCommand):
    """A verb that is given a command of others, behind two dashes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what is behind them out of it."""
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta[TYPED] = list(own)
        ctx.meta[COMMAND] = args[len(own) + 1 :]
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What the first line of the help says."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND…"]


def add(
    app: typer.Typer,
    name: str,
    verb: Verb,
    *examples: str,
    group: str,
    check: Callable[[dict[str, Any]], None] | None = None,
    fails_with: int = FAILED,
    kind: type[TyperCommand] = TyperCommand,
) -> None:
    """Add a verb whose first parameter is the Cluster.

    Args:
        app: to which.
        name: of the verb.
        verb: what it does.
        examples: of command lines.
        group: below which title the verb is listed.
        check: looks at what was given before any cluster is asked; raises Failure.
        fails_with: the exit code of what has no other.
        kind: how its line is read.
    """

    def command(**given: Any) -> None:
        flags = Flags.of(given)
        # Out here, since what is told last is told outside of the loop.
        with noting(name, given, flags.words), told(fails_with):
            if check is not None:
                check(given)
            asyncio.run(_on_cluster(verb, flags, given))

    _register(app, name, verb, command, examples, group, kind)


def add_local(
    app: typer.Typer, name: str, verb: Callable[..., None], *examples: str, group: str
) -> None:
    """Add a verb that finds a cluster by itself, if it needs one; it takes `flags`."""

    def command(**given: Any) -> None:
        flags = Flags.of(given)
        with noting(name, given, flags.words), told():
            verb(flags, **given)

    _register(app, name, verb, command, examples, group, TyperCommand)


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
    group: str,
    kind: type[TyperCommand],
) -> None:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [each.replace(kind=keyword) for each in _without_first(verb)]
    flags = [
        inspect.Parameter(flag, keyword, default=None, annotation=hint)
        for flag, hint in FLAGS.items()
    ]
    parameters = [*own, *flags]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    shown = _help(verb, examples)
    app.command(name, help=shown, cls=kind, rich_help_panel=group)(command)


def _help(verb: Callable[..., Any], examples: tuple[str, ...]) -> str:
    shown = "\n".join(f"  {example}" for example in examples)
    title = "Example" if len(examples) == 1 else "Examples"
    return f"{inspect.getdoc(verb)}\n\n\b\n{title}:\n{shown}"
