"""All verbs as one command: in groups, and with a word to whoever has mistyped one."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from typing import Any, cast

import typer
from typer.core import TyperGroup

from fastapi_maintenance.proof.wording import nearest

from ._child import TWO_DASHES
from ._commands import COMMAND
from ._failures import Failure, Mistyped, tell_of
from ._zones import zone_here

_USAGE = cast(type[Exception], typer.BadParameter.__mro__[1])
"""UsageError: of click, or of typer itself, by the version of typer."""
_HELP = "NoArgsIsHelpError"

_MEANT = {
    **dict.fromkeys(("start", "open", "enable", "begin"), "on"),
    **dict.fromkeys(("disable", "stop", "close"), "off"),
    **dict.fromkeys(("list", "ls", "get", "show"), "status"),
    **dict.fromkeys(("drain", "migrate", "exec"), "run"),
    **dict.fromkeys(("finish", "abort"), "end"),
    **dict.fromkeys(("cancel", "omit"), "skip"),
    **dict.fromkeys(("create", "plan"), "schedule"),
    **dict.fromkeys(("check", "validate", "describe"), "explain"),
    "delay": "postpone",
    "prolong": "extend",
    "pause": "suspend",
    "token": "bypass",
    "unsuspend": "resume",
    "unpause": "resume",
    "pods": "processes",
    "ps": "processes",
}
"""What people may call a verb."""

_EXAMPLES = {"--by": "30m", "--cron": '"0 2 * * sun"', "--duration": "30m", "--for": "shop:orders"}
"""Of options that have to be given."""

_LINE = "fastapi_maintenance.line"
"""Where the context keeps what was typed."""

_CHOICE = re.compile(r"'(.*)' is not one of ('.*')\.?$")


class Verbs(TyperGroup):
    """The command that has them all."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Which one is meant; of one that is not there, which one may be."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            near = _near_verb(args[0], tuple(self.list_commands(ctx)))
            raise Mistyped(f"{args[0]!r} is no verb", _lines(near, f"{ctx.command_path} --help"))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What stands before the verb."""
        ctx.meta[_LINE] = list(args)
        with _told(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """The verb, and what stands behind it."""
        with _told(ctx):
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A line for each verb, below what the verbs of a group are for."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            line = _first_sentence(command.help or "")
            title = str(getattr(command, "rich_help_panel", None) or "Commands")
            groups.setdefault(title, []).append((name, line))
        width = max(map(len, self.commands))
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, line in rows])


def _first_sentence(text: str) -> str:
    whole = " ".join(text.partition("\n\n")[0].split())
    return whole.partition(". ")[0].removesuffix(".") + "."


def _near_verb(verb: str, verbs: tuple[str, ...]) -> str:
    known = dict(zip(verbs, verbs, strict=True)) | _MEANT
    near = nearest(verb.casefold(), tuple(known))
    return f"did you mean {known[near]}?" if near else ""


def _lines(mend: str, help_of: str) -> str:
    return "\n  ".join(filter(None, [mend, f"see: {help_of}"]))


@contextlib.contextmanager
def _told(ctx: Any) -> Iterator[None]:
    """Let what was typed wrong be told as any other fault, with its mend."""
    try:
        yield
    except Failure as failure:
        raise tell_of(failure) from None
    except _USAGE as error:
        if type(error).__name__ == _HELP:
            raise
        raise tell_of(_in_words(error, ctx)) from None


def _in_words(error: Any, ctx: Any) -> Mistyped:
    """What typer has found wrong, and what may be meant."""
    verb = ctx.invoked_subcommand
    where = " ".join(filter(None, [ctx.command_path, verb]))
    known = (_missing(error, where), _no_option(error), _no_choice(error))
    problem, mend = next(filter(None, known), (error.format_message(), ""))
    return Mistyped(problem, _lines(mend, f"{where} --help"))


def _missing(error: Any, where: str) -> tuple[str, str] | None:
    if type(error).__name__ != "MissingParameter" or error.param is None:
        return None
    if error.param.param_type_name == "argument":
        return _missing_argument(error, where)
    option = error.param.opts[-1]
    return f"{option} is missing", f"for example {option} {_example(option)}"


def _missing_argument(error: Any, where: str) -> tuple[str, str]:
    """The line as it was typed, with the place of what is missing: behind what was understood."""
    name = (error.param.metavar or error.param.name).upper()
    line = error.ctx.meta[_LINE]
    words = line[line.index(error.ctx.info_name) + 1 :]
    arguments = [each for each in error.ctx.command.params if each.param_type_name == "argument"]
    given = [(each.name.upper(), error.ctx.params.get(each.name)) for each in arguments]
    taken = [(what, value) for what, value in given if isinstance(value, str)]
    as_what = ", ".join(f'"{value}" is taken as {what}' for what, value in taken)
    at = len(words) - words[::-1].index(taken[-1][1]) if taken else 0
    whole = " ".join(filter(None, [where, shlex.join(words[:at]), name, shlex.join(words[at:])]))
    return f"{name} is missing{f': {as_what}' if as_what else ''}", f"write it: {whole}"


def _example(option: str) -> str:
    """A value; of a time zone, that of this machine where it has one."""
    if option != "--tz":
        return _EXAMPLES.get(option, "…")
    here = zone_here()
    return f"{here}, as this machine has it" if here else "Europe/Berlin"


def _no_option(error: Any) -> tuple[str, str] | None:
    if type(error).__name__ != "NoSuchOption":
        return None
    problem = f"there is no option {error.option_name}"
    if error.ctx.meta.get(COMMAND) == []:
        return problem, f"what is of the command to run goes {TWO_DASHES}"
    near = nearest(error.option_name.casefold(), tuple(error.possibilities or ()))
    return problem, f"did you mean {near}?" if near else ""


def _no_choice(error: Any) -> tuple[str, str] | None:
    found = _CHOICE.search(error.message)
    if found is None or error.param is None:
        return None
    known = tuple(found[2].replace("'", "").split(", "))
    near = nearest(found[1].casefold(), known)
    mend = f"did you mean {near}?" if near else f"known here: {', '.join(known)}"
    return f"{error.param.opts[-1]}: '{found[1]}' is unknown", mend
