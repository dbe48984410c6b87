"""The fields of the CRDs as a page, from crds/*.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CRDS = Path(__file__).parents[2] / "crds"
Schema = dict[str, Any]
INTRODUCTION = """# CRD fields

As `kubectl explain --recursive` has them. What they mean together:
[Windows](../windows.md) and [Processes](../processes.md).
"""
PARTS = {
    "maintenancewindows.yaml": ("spec", "status"),
    "clustermaintenancewindows.yaml": ("spec", "status"),
    "maintenanceprocesses.yaml": ("spec",),
}
SAME = ("clustermaintenancewindows.yaml", "maintenancewindows.yaml")
"""Of the first only what the second does not have."""
BOUNDS = {
    "minimum": "at least {}", "maximum": "at most {}", "minItems": "not empty",
    "maxItems": "at most {} items", "maxLength": "at most {} characters",
    "maxProperties": "at most {} entries",
}  # fmt: skip


def page() -> str:
    """The page as Markdown."""
    return "\n".join([INTRODUCTION, *(line for name in PARTS for line in _crd(name))])


def _crd(name: str) -> Iterator[str]:
    crd = yaml.safe_load((CRDS / name).read_text())
    names, (version,) = crd["spec"]["names"], crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    yield f"## {names['kind']}\n"
    yield f"`{crd['spec']['group']}/{version['name']}`, {crd['spec']['scope'].lower()}"
    yield f"(`{'`, `'.join([names['plural'], *names.get('shortNames', ())])}`).\n"
    yield f"{_said(schema)}\n"
    for part in PARTS[name]:
        yield from _table(name, part, schema["properties"][part])


def _table(name: str, part: str, schema: Schema) -> Iterator[str]:
    known = _known(part) if name == SAME[0] else {}
    rows = [row for row in _rows(schema, part) if row[0] not in known]
    if known:
        yield f"`{part}` has the fields of MaintenanceWindow that make sense here, and:\n"
    yield "| field | type | meaning |\n| --- | --- | --- |"
    yield from (f"| `{path}` | {kind} | {said} |" for path, kind, said in rows)
    yield ""
    rules = [] if known else dict.fromkeys(rule for rule in _rules(schema) if rule)
    if rules:
        yield "What the API server refuses, and what it says then:\n"
        yield from (f"- {rule}" for rule in rules)
        yield ""


def _known(part: str) -> set[str]:
    crd = yaml.safe_load((CRDS / SAME[1]).read_text())
    (version,) = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"][part]
    return {path for path, _, _ in _rows(schema, part)}


def _rows(schema: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, type and meaning of each field below."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        kind = _kind(field) + (", required" if name in required else "")
        yield place, kind, _said(field)
        yield from _rows(field, place)
        yield from _rows(field.get("items", {}), f"{place}[]")


def _kind(field: Schema) -> str:
    kind = field.get("type", "any")
    if kind == "array":
        kind = f"list of {_kind(field['items']).split(',')[0]}s"
    elif kind == "string":
        kind = str(field.get("format", kind))
    bounds = [text.format(field[bound]) for bound, text in BOUNDS.items() if field.get(bound)]
    default = field.get("default")
    if isinstance(default, bool | int | str):
        bounds.append(f"default {str(default).lower() if default is False else default}")
    return ", ".join([kind, *bounds])


def _said(field: Schema) -> str:
    said = _plain(field.get("description", ""))
    words = field.get("enum")
    return said + (f" One of {', '.join(f'`{word}`' for word in words)}." if words else "")


def _plain(text: object) -> str:
    """One line, of which Markdown makes nothing else."""
    return re.sub(r"([|*<_`])", r"\\\1", " ".join(str(text).split()))


def _rules(schema: Schema) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield _plain(rule.get("message", ""))
    for field in (*schema.get("properties", {}).values(), schema.get("items")):
        if field:
            yield from _rules(field)
