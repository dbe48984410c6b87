"""The CRD's schema and the Python model are one truth: each test walks the schema's fields."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
import yaml

from fastapi_maintenance.windows import InvalidWindow, Mode, Window, parse_manifest
from tests.chart import ROOT
from tests.corpus import AGAIN, LASTING, ONCE, manifest_of

Path = tuple[str | int, ...]
Schema = dict[str, Any]

(VERSION,) = yaml.safe_load((ROOT / "crds/maintenancewindows.yaml").read_text())["spec"]["versions"]
SPEC: Schema = VERSION["schema"]["openAPIV3Schema"]["properties"]["spec"]
TIMINGS = {"start", "end", "duration", "schedule", "timeZone"}
"""What together says when a window is open: they are one field of the model."""
FORMS = {
    "start": "2999-12-31T23:59:59.999999+00:00",
    "end": "2999-12-31T23:59:59.999999+00:00",
    "occurrence": "1970-01-01T00:00:00.000000+00:00",
    "endedAt": "2999-12-31T23:59:59.999999-23:59",
    "duration": "9598h00119m0000060s",
    "announceBefore": "0718h00119m0000060s",
    "timeZone": "America/Argentina/ComodRivadavia",
    "cidrs": "0000:0000:0000:0000:0000:0000:255.255.255.255/128",
    "sha256": "0" * 64,
}
"""The longest texts of what has a form of its own."""


def walk(schema: Schema, path: Path = ()) -> Iterator[tuple[Path, Schema]]:
    """Every schema within one, with the path of its value; of a list, that of the first item."""
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name), inner
        yield from walk(inner, (*path, name))
    if "items" in schema:
        yield (*path, 0), schema["items"]
        yield from walk(schema["items"], (*path, 0))


FIELDS = dict(walk(SPEC))


def base(path: Path) -> dict[str, Any]:
    """A valid spec that has a value at a path."""
    return copy.deepcopy(next(spec for spec in (ONCE, AGAIN, LASTING) if has(spec, path)))


def within(value: Any, path: Path) -> Any:
    """What a value holds at a path."""
    return reduce(lambda container, key: container[key], path, value)


def has(spec: Any, path: Path) -> bool:
    """Whether there is such a path."""
    try:
        within(spec, path)
    except (KeyError, IndexError):
        return False
    return True


def changed(path: Path, value: Any) -> dict[str, Any]:
    """The valid spec with another value at a path."""
    spec = base(path)
    within(spec, path[:-1])[path[-1]] = value
    return spec


def said(spec: dict[str, Any]) -> str:
    """The error of a spec, as ``path: problem: mend``; empty for a valid one."""
    try:
        parse_manifest(manifest_of(spec))
    except InvalidWindow as error:
        return str(error)
    return ""


def dotted(path: Path) -> str:
    """As errors name it."""
    return re.sub(r"\.(\d+)", r"[\1]", ".".join(["spec", *map(str, path)]))


def having(*names: str) -> list[Path]:
    """Where the schema says one of these things."""
    return [path for path, schema in FIELDS.items() if any(name in schema for name in names)]


def name_of(path: Path) -> str:
    """The field, or that of the list of an item."""
    return next(key for key in reversed(path) if isinstance(key, str))


def text_of(path: Path, length: int) -> str | None:
    """A text of this length; None where what is written there has a form of its own."""
    name = name_of(path)
    if name in FORMS or "enum" in FIELDS[path]:
        return None
    begin = {"paths": "/", "schedule": "0 0 1 1 *"}.get(name, "")
    return begin.ljust(length, " " if name == "schedule" else "x")


def test_every_field_of_the_schema_is_tried() -> None:
    assert len(FIELDS) == 49
    assert [path for path in FIELDS if not any(has(s, path) for s in (ONCE, AGAIN, LASTING))] == []
    assert [said(spec) for spec in (ONCE, AGAIN, LASTING)] == [""] * 3


@pytest.mark.parametrize("path", [(), *having("properties")], ids=dotted)
def test_both_know_the_same_names(path: Path) -> None:
    spec = ONCE if path == () else base(path)
    names = (FIELDS[path] if path else SPEC)["properties"]
    wrong = copy.deepcopy(spec)
    within(wrong, path)["?"] = 1
    field, _, known = said(wrong).partition(": unknown field: known here: ")
    assert field == f"{dotted(path)}.?"
    assert set(known.split(", ")) == set(names)


@pytest.mark.parametrize("path", FIELDS, ids=dotted)
def test_no_field_is_read_as_another_kind_of_value(path: Path) -> None:
    kinds: dict[str, Any] = {
        "string": "x", "integer": 450, "boolean": True, "array": ["x"], "object": {"x": "y"},
    }  # fmt: skip
    for kind, value in kinds.items():
        if kind != FIELDS[path]["type"]:
            assert said(changed(path, value)), (kind, value)


@pytest.mark.parametrize("path", having("maxLength"), ids=dotted)
def test_a_text_may_be_as_long_in_both(path: Path) -> None:
    """Or, where it has a form of its own, the longest one fits."""
    longest = FIELDS[path]["maxLength"]
    text = text_of(path, longest)
    if text is not None:
        assert said(changed(path, text)) == ""
        assert said(changed(path, f"{text}x")).startswith(dotted(path))
        assert FIELDS[path].get("minLength", 1) == 1
        assert said(changed(path, "")).startswith(dotted(path))
        return
    name = name_of(path)
    for form in [FORMS[name]] if name in FORMS else FIELDS[path]["enum"]:
        assert len(form) <= longest
        problem = said(changed(path, form))
        assert problem == "" or "is not after" in problem


@pytest.mark.parametrize("path", having("maxItems"), ids=dotted)
def test_a_list_may_have_as_many_items_in_both(path: Path) -> None:
    most, schema = FIELDS[path]["maxItems"], FIELDS[path]
    item = within(base(path), (*path, 0))
    items: list[Any] = [item] * (most + 1)
    if path == ("overrides",):
        items = [{**item, "occurrence": f"2026-05-01T21:{n:02d}:00Z"} for n in range(most + 1)]
    assert said(changed(path, items[:most])) == ""
    assert said(changed(path, items)).startswith(f"{dotted(path)}: ")
    assert schema["minItems"] == 1
    assert said(changed(path, [])).startswith(f"{dotted(path)}: ")


@pytest.mark.parametrize("path", having("minimum", "maximum"), ids=dotted)
def test_a_number_has_the_same_bounds_in_both(path: Path) -> None:
    lowest, highest = FIELDS[path]["minimum"], FIELDS[path]["maximum"]
    assert [said(changed(path, number)) for number in (lowest, highest)] == ["", ""]
    for number in (lowest - 1, highest + 1):
        assert said(changed(path, number)).startswith(f"{dotted(path)}: {number} is out of bounds")


@pytest.mark.parametrize("path", having("enum"), ids=dotted)
def test_both_know_the_same_words(path: Path) -> None:
    known = said(changed(path, "?")).partition("known here: ")[2]
    assert known.split(", ") == FIELDS[path]["enum"]


@pytest.mark.parametrize("path", having("minProperties"), ids=dotted)
def test_an_empty_object_is_refused_by_both(path: Path) -> None:
    assert FIELDS[path]["minProperties"] == 1
    empty: list[dict[str, None]] = [{}, dict.fromkeys(FIELDS[path]["properties"])]
    assert all(
        said(changed(path, value)).startswith(f"{dotted(path)}: is empty") for value in empty
    )


@pytest.mark.parametrize("path", [(), *having("required")], ids=dotted)
def test_both_need_the_same_fields(path: Path) -> None:
    """What is not required can be left out, at least in one kind of window."""
    schema = FIELDS[path] if path else SPEC
    for name in schema["properties"]:
        left_out = said(changed((*path, name), None))
        required = left_out.startswith(f"{dotted(path)}.{name}: ")
        assert required or name not in schema.get("required", ())
        assert not required or name in schema.get("required", ()) or (not path and name in TIMINGS)


def test_both_have_the_same_defaults() -> None:
    defaults = {path: schema["default"] for path, schema in FIELDS.items() if "default" in schema}
    least = parse_manifest(manifest_of(LASTING))
    assert defaults == {("suspend",): least.suspend, ("mode",): least.mode}


def test_the_model_has_a_place_for_every_field_and_no_other() -> None:
    """Beside what the metadata says."""
    ours = {re.sub(r"_(.)", lambda m: m[1].upper(), f.name) for f in dataclasses.fields(Window)}
    assert ours - {"namespace", "name", "uid", "generation"} == {
        "timing" if name in TIMINGS else name for name in SPEC["properties"]
    }
    assert [mode.value for mode in Mode] == SPEC["properties"]["mode"]["enum"]


NAMED = [path for path in FIELDS if isinstance(path[-1], str)]
FOR_PEOPLE = ("allow", "tokens", 0, "name")
NOTHING_NEW = ("overrides", 0, "skip")
"""False there, since its neighbours exclude true."""


@pytest.mark.parametrize("path", [p for p in NAMED if p not in (FOR_PEOPLE, NOTHING_NEW)])
def test_no_field_is_taken_and_then_ignored(path: Path) -> None:
    """Without it, the window is another one, or none."""
    without = base(path)
    del within(without, path[:-1])[path[-1]]
    whole = parse_manifest(manifest_of(base(path)))
    assert said(without) or parse_manifest(manifest_of(without)) != whole
