"""What is typed is looked at before anything is asked of a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import typer

from fastapi_maintenance.windows import InvalidWindow
from fastapi_maintenance.windows.fields import Fields
from fastapi_maintenance.windows.manifest import check_label, parse_apps
from fastapi_maintenance.windows.timing_fields import parse_timing

from ._failures import Mistyped

Check = Callable[[Any, str], object]
"""Of a value, and of the option that it was given by; raises Mistyped."""

_ACCOUNT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_TIMING = ("schedule", "duration", "timeZone")


def checked(check: Check) -> Callable[..., Any]:
    """What typer calls for each value of an option.

    The value stays as it was typed, unless the check gives a string: another way to write it.
    """

    def look(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not ctx.resilient_parsing:
            is_option = param.opts[0].startswith("-")
            found = check(value, param.opts[-1] if is_option else param.name or "")
            return found if isinstance(found, str) else value
        return value

    return look


def check_apps(apps: list[str], _: str) -> None:
    """Names, or globs; in a shell they are several words."""
    if joined := next((app for app in apps if "," in app), None):
        parts = shlex.join(filter(None, re.split(r"[,\s]+", " ".join(apps))))
        raise Mistyped(f"{joined!r} is not an app name", f"separate apps by spaces: {parts}")
    _in_words("", lambda: parse_apps(Fields("typed", {"apps": apps}, ("apps",))))


def check_from_to(least: int, most: int) -> Check:
    """A whole number of a range."""

    def check(number: int, option: str) -> None:
        if not least <= number <= most:
            word = "small" if number < least else "great"
            raise Mistyped(f"{option}: {number} is too {word}", f"write {least} to {most}")

    return check


def check_name(name: str, option: str) -> None:
    """A name that an object may have."""
    _in_words(option, lambda: check_label("typed", name))


def check_prose(text: str, option: str) -> None:
    """A text for people; an empty one is none."""
    longest = 1024
    fields = Fields("typed", {"text": text or "none"}, ("text",))
    _in_words(option, lambda: fields.prose("text", longest))


def check_cron(text: str, option: str) -> None:
    """A schedule."""
    if len(text.split()) == 1 and not text.startswith("@"):  # the shell has taken it apart
        problem = f"{option}: {text!r} is one field of five"
        raise Mistyped(problem, f'write them in quotes, as in {option} "0 2 * * sun"')
    given = {"schedule": text, "duration": "1h", "timeZone": "Etc/UTC"}
    _in_words(option, lambda: parse_timing(Fields("typed", given, _TIMING)))


def check_account(text: str, option: str) -> None:
    """A service account, with its namespace or without."""
    namespace, colon, account = text.rpartition(":")
    if not _ACCOUNT.fullmatch(account) or (colon and not _ACCOUNT.fullmatch(namespace)):
        mend = "write NAMESPACE:NAME, as in shop:orders"
        raise Mistyped(f"{option}: {text!r} is not a service account", mend)


def _in_words(option: str, check: Callable[[], object]) -> None:
    """A fault of a field, told of the option that it was given by."""
    try:
        check()
    except InvalidWindow as error:
        where = f"{option}: " if option else ""
        raise Mistyped(f"{where}{error.problem}", error.mend) from error
