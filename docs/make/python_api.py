"""The Python API as a page: signatures and docstrings, read without importing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[2]
PACKAGE = "fastapi_maintenance"
ROOMS = {
    "The gate": ["MaintenanceModeMiddleware"],
    "Backends": ["EnvVarBackend", "LocalFileBackend", "K8sBackend", "BaseStateBackend"],
    "State": [
        "configure_backend", "get_maintenance_mode", "set_maintenance_mode", "maintenance_state",
        "MaintenanceState",
    ],
    "Blocks": ["maintenance_mode_on", "maintenance_mode_off"],
    "Routes": ["force_maintenance_mode_on", "force_maintenance_mode_off", "needs"],
    "Errors": ["BackendNotConfigured", "StateNotWritten", "MaintenanceActive"],
}  # fmt: skip
MEMBERS = {
    "BaseStateBackend": [
        "get_value", "set_value", "start", "state", "wait", "wait_until_ready", "work", "close",
    ],
    "K8sBackend": ["health"],
    "MaintenanceActive": ["retry_after"],
    "MaintenanceState": ["active", "mode", "window", "until", "next", "message"],
}  # fmt: skip
INTRODUCTION = """# Python API

Import all of it from `fastapi_maintenance`, unless a heading says otherwise. How the
parts work together: [the middleware](../middleware.md), [Windows](../windows.md), [In
Kubernetes](../kubernetes.md).
"""


def page() -> str:
    """The page as Markdown."""
    names = [name for room in ROOMS.values() for name in room]
    assert sorted(names) == sorted(_exported()), "a public name is in no room, or in two"
    return "\n".join([INTRODUCTION, *_rooms(), *_testing(), *_windows()])


def _exported() -> list[str]:
    return [str(name).strip("'") for name in _package()[PACKAGE].exports or ()]


@cache
def _package() -> Any:
    collection = griffe.GriffeLoader(
        search_paths=[ROOT], docstring_parser=griffe.Parser.google, allow_inspection=False
    )
    collection.load(PACKAGE)
    collection.resolve_aliases()
    return collection.modules_collection


def _find(path: str) -> Any:
    found = _package()[path]
    return found.final_target if found.is_alias else found


def _rooms() -> Iterator[str]:
    for room, names in ROOMS.items():
        yield f"## {room}\n"
        for name in names:
            yield from _object(_find(f"{PACKAGE}.{name}"), MEMBERS.get(name, ()))


def _testing() -> Iterator[str]:
    yield f"## `{PACKAGE}.testing.maintenance`\n"
    maintenance = _find(f"{PACKAGE}.testing.Maintenance")
    for name in ("on", "off", "window", "manifest"):
        yield from _object(maintenance.members[name], (), within="maintenance")


def _windows() -> Iterator[str]:
    yield f"## `{PACKAGE}.windows`\n"
    yield "Pure functions and data: no I/O, `now` is always an argument.\n"
    yield "| name | |\n| --- | --- |"
    module = _package()[f"{PACKAGE}.windows"]
    for name in sorted(str(each).strip("'") for each in module.exports or ()):
        yield f"| `{name}` | {_cell(_summary(_find(f'{PACKAGE}.windows.{name}')))} |"
    yield ""
    yield from _object(_find(f"{PACKAGE}.windows.explain.explain"), (), within=f"{PACKAGE}.windows")


def _object(found: Any, members: Iterable[str], within: str = "") -> Iterator[str]:
    yield f"### `{found.name}`\n"
    yield f"```text\n{_signature(found, within)}\n```\n"
    yield from _docstring(found)
    described = [found.all_members[name] for name in members]
    if described:
        yield "| member | |\n| --- | --- |"
        yield from (f"| `{_short(each)}` | {_cell(_summary(each))} |" for each in described)
        yield ""


def _signature(found: Any, within: str) -> str:
    name = f"{within}.{found.name}" if within else found.name
    if found.is_class:
        constructor = found.all_members.get("__init__")
        if constructor is None or "dataclass" in str(found.labels):
            return name
        return f"{name}({_parameters(constructor)})"
    keyword = "await " if "async" in found.labels else ""
    answer = f" -> {found.returns}" if found.returns and str(found.returns) != "Any" else ""
    return f"{keyword}{name}({_parameters(found)}){answer}"


def _parameters(function: Any) -> str:
    """One a line where they are many."""
    kinds = griffe.ParameterKind
    shown: list[str] = []
    starred = False
    for each in function.parameters:
        if each.name == "self" or (each.name == "app" and str(each.annotation) == "ASGIApp"):
            continue
        if each.kind is kinds.keyword_only and not starred:
            shown, starred = [*shown, "*"], True
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(each.kind, "")
        starred = starred or stars == "*"
        default = f" = {each.default}" if each.default is not None and not stars else ""
        shown.append(f"{stars}{each.name}: {each.annotation or 'Any'}{default}")
    line = ", ".join(shown)
    return line if len(line) < 70 else "\n    " + ",\n    ".join(shown) + ",\n"


def _docstring(found: Any) -> Iterator[str]:
    kinds = griffe.DocstringSectionKind
    for section in found.docstring.parsed if found.docstring else ():
        if section.kind is kinds.text:
            yield f"{_prose(section.value)}\n"
        elif section.kind is kinds.parameters:
            yield "| argument | |\n| --- | --- |"
            yield from (
                f"| `{each.name}` | {_cell(each.description)} |"
                for each in section.value
                if each.name != "app" or not _is_wrapped(found)
            )
            yield ""
        elif section.kind is kinds.raises:
            yield "| raises | |\n| --- | --- |"
            yield from (
                f"| `{str(each.annotation).strip('()')}` | {_cell(each.description)} |"
                for each in section.value
            )
            yield ""


def _is_wrapped(found: Any) -> bool:
    """Whether the argument `app` is what `add_middleware` passes by itself."""
    return str(found.name) == "MaintenanceModeMiddleware"


def _summary(found: Any) -> str:
    return found.docstring.value.split("\n\n")[0] if found.docstring else ""


def _short(found: Any) -> str:
    """A member, as it is used."""
    if not found.is_function:
        return str(found.name)
    names = [each.name for each in found.parameters if each.name != "self"]
    keyword = "await " if "async" in found.labels else ""
    return f"{keyword}{found.name}({', '.join(names)})"


def _prose(text: str) -> str:
    """Docstrings have reStructuredText's double backquotes."""
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return " ".join(_prose(text).split()).replace("|", "\\|")
