"""The JSON Schema of a plan, what writes plans and what reads them are one truth."""

from __future__ import annotations

import copy
import json
import operator
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from random import Random
from typing import Any

import jsonschema
import pytest

from fastapi_maintenance.windows import InvalidWindow, make_plan, parse_manifest, parse_plan
from fastapi_maintenance.windows.plan import plan_schema
from tests.decisions import TOKEN_HASH, random_manifests
from tests.unit.making import at, parsed

NOW = at("2026-03-27T15:30Z")
SCHEMA = plan_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

EVERYTHING = parsed(
    start="2026-03-28T00:00:00Z",
    end="2026-03-28T01:00:00.5Z",
    mode="ReadOnly",
    match={"paths": ["/a/*"], "methods": ["POST"], "dependencies": ["orders-db"]},
    allow={
        "paths": ["*.css"],
        "cidrs": ["10.0.0.0/8", "2001:db8::/32"],
        "tokens": [{"name": "anna", "sha256": TOKEN_HASH}],
    },
    response={
        "message": "Zur\u00fcck um zehn\n",
        "statusCode": 500,
        "retryAfterSeconds": 60,
        "headers": [{"name": "X-A", "value": "b c"}],
    },
    announceBefore="720h",
)
OFTEN = parsed("often", schedule="0 2 * * *", timeZone="Etc/UTC", duration="1h")
PLAN: dict[str, Any] = json.loads(make_plan([EVERYTHING, OFTEN], NOW)[0])

BEYOND_A_SCHEMA = re.compile(
    r"is not after start|day is out of range|month must be|year .* out of range|host bits"
    r"|is out of bounds: from|can't be set|sum of an empty token|IPv4 written"
)
"""What reading knows and a schema can't say: about calendars, about networks, about two values."""


def is_beyond_a_schema(error: InvalidWindow) -> bool:
    of_addresses = error.problem.endswith("is not a network") and error.__cause__ is not None
    return of_addresses or BEYOND_A_SCHEMA.search(str(error)) is not None


def is_read(document: Any) -> bool | None:
    """Whether a document is read as a plan; None where a schema can't know."""
    try:
        parse_plan(json.dumps(document))
    except InvalidWindow as error:
        return None if is_beyond_a_schema(error) else False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["apiVersion"]["const"] == PLAN["apiVersion"]


def test_every_field_has_its_place_in_the_schema() -> None:
    """A plan that uses all of them holds what the schema holds, but for what can't be together."""
    often, entry = PLAN["windows"]
    known = SCHEMA["$defs"]["window"]["properties"]
    assert entry.keys() | often.keys() == known.keys()
    for name in ("match", "allow", "response"):
        assert entry[name].keys() == SCHEMA["$defs"][name]["properties"].keys()


@pytest.mark.parametrize("seed", range(30))
def test_every_plan_is_valid_by_the_schema(seed: int) -> None:
    random = Random(seed)
    windows = [parse_manifest(item) for item in random_manifests(random, "shop", NOW, 8)]
    VALIDATOR.validate(json.loads(make_plan([*windows, EVERYTHING, OFTEN], NOW)[0]))


STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 503.0, 600, 2**63, "", "x", "X" * 2000, "a\nb", "/x", "/x\n", "*",
    "Full", "0s", "1h", "721h", "h", "GET", "get", "10.0.0.0/8", "10.0.0.1/8", "300.0.0.0/8",
    "::ffff:1.2.3.4/128", "0" * 64, "F" * 64, sha256(b"").hexdigest(), "2026-03-28T00:00:00Z",
    "2026-03-28T00:00:00z", "2026-02-30T00:00:00Z", "2026-03-28T00:00:00Z\n", "2026-03-28",
    "9999-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z", "2026-03-28T24:00:00Z",
    "2026-03-28T00:00:00+02:00", "2026-03-28T00:00:00.1234567Z", "Retry-After", " a", "a ", [],
    ["x"], ["/x"], ["/x"] * 65, {}, {"x": 1}, {"sha256": "0" * 64},
    {"start": "2026-03-28T00:00:00Z"},
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document but the whole."""
    names = (
        value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    )
    for name in names:
        yield (*path, name)
        yield from places(value[name], (*path, name))


def changed(path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """The plan, with a change made to the object or list that holds a place."""
    document = holder = copy.deepcopy(PLAN)
    for name in path[:-1]:
        holder = holder[name]
    change(holder, path[-1])
    return document


def with_value(path: tuple[Any, ...], value: Any) -> Any:
    return changed(path, lambda holder, name: holder.__setitem__(name, value))


def add_beside(holder: Any, name: Any) -> None:
    """A field that nobody knows, or an item that is there twice."""
    if isinstance(holder, dict):
        holder[f"{name}2"] = holder[name]
    else:
        holder.append(holder[name])


@pytest.mark.parametrize("path", list(places(PLAN)), ids=lambda path: ".".join(map(str, path)))
def test_a_plan_that_is_changed_anywhere_is_read_just_where_it_is_valid(
    path: tuple[Any, ...],
) -> None:
    documents = [changed(path, change) for change in (operator.delitem, add_beside)]
    documents += [with_value(path, value) for value in STRANGE]
    for document in documents:
        assert is_read(document) in (VALIDATOR.is_valid(document), None), document


def test_both_valid_and_invalid_changes_are_among_those() -> None:
    """Else the test above would show little."""
    path = ("windows", 1, "allow", "cidrs", 0)
    verdicts = {str(value): is_read(with_value(path, value)) for value in STRANGE}
    assert {value for value, verdict in verdicts.items() if verdict} == {"10.0.0.0/8"}
    assert {value for value, verdict in verdicts.items() if verdict is None} == {
        "10.0.0.1/8",
        "300.0.0.0/8",
        "::ffff:1.2.3.4/128",
    }
