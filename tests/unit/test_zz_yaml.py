"""YAML as Kubernetes reads it, with the traps of YAML 1.1 shut."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import InvalidWindow, load_documents, parse_manifest
from tests.unit.making import parsed

MANIFEST = """
apiVersion: fastapi-maintenance.io/v1alpha1
kind: MaintenanceWindow
metadata:
  name: w
  namespace: shop
spec:
  apps: ["*"]
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2:30", "2:30"),
        ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z"),
        ("2026-06-01", "2026-06-01"),
        ("on", "on"),
        ("No", "No"),
        ("y", "y"),
        ("1_000", "1_000"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1.50", "1.50"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("503", 503),
        ("-1", -1),
        ("'503'", "503"),
        ('"true"', "true"),
    ],
)
def test_only_booleans_whole_numbers_and_null_are_no_strings(text: str, value: object) -> None:
    assert load_documents(f"key: {text}") == [{"key": value}]


def test_a_bare_time_is_the_instant_that_it_says() -> None:
    (document,) = load_documents(MANIFEST + "  start: 2026-06-01T12:00:00+02:00\n")
    assert parse_manifest(document) == parsed(start="2026-06-01T12:00:00+02:00")


@pytest.mark.parametrize(
    ("line", "field", "problem"),
    [
        ("suspend: on", "spec.suspend", "'on' is not a boolean"),
        ("duration: 2:30", "spec.duration", "'2:30' is not a duration"),
        ("start: 2026-06-01 12:00:00", "spec.start", "is not a date-time"),
        ("mode: off", "spec.mode", "'off' is unknown"),
        ("response: {statusCode: 0503}", "spec.response.statusCode", "'0503' is out of bounds"),
    ],
)
def test_what_yaml_would_turn_into_something_else_is_refused(
    line: str, field: str, problem: str
) -> None:
    start = "" if "start" in line else "  start: 2026-06-01T12:00:00Z\n"
    (document,) = load_documents(f"{MANIFEST}{start}  {line}\n")
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest(document)
    assert caught.value.field == field
    assert problem in caught.value.problem


def test_anchors_stand_for_what_they_mark() -> None:
    """As kubectl reads them."""
    assert load_documents("a: &mark [1, x]\nb: *mark") == [{"a": [1, "x"], "b": [1, "x"]}]


def test_a_merge_key_is_a_field_like_any_other() -> None:
    (document,) = load_documents("a: &mark {x: 1}\nb: {<<: *mark}")
    assert document["b"] == {"<<": {"x": 1}}


def test_an_anchor_within_itself_is_refused_like_any_wrong_value() -> None:
    (document,) = load_documents(MANIFEST + "  start: &mark [*mark]\n")
    with pytest.raises(InvalidWindow, match=r"spec\.start"):
        parse_manifest(document)


def test_several_documents_are_several_objects() -> None:
    assert load_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "---\n---\n", "null"])
def test_nothing_is_an_error_that_says_what_to_write(text: str) -> None:
    with pytest.raises(InvalidWindow, match="file: is empty: write on, off, read-only"):
        load_documents(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: b: c",
        "\ta: b",
        "a: *unknown",
        "? [a, b]\n: c",
        "a\0b: c",
        "[" * 500,
        "a: " + "[" * 500 + "]" * 500,
        "- " * 500 + "x",
        "9" * 5000,
        "!!python/object/apply:os.system [ls]",
        "a: !!timestamp tomorrow",
        "a: !!int many",
        "a: !!int ''",
        "a: !!bool maybe",
        "a: !!binary ü",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_yaml_is_the_documented_error(text: str) -> None:
    """Deep nesting and tags with foreign words included."""
    with pytest.raises(InvalidWindow, match="file: is not YAML: ") as caught:
        load_documents(text)
    assert caught.value.mend == "write on, off, read-only, or a MaintenanceWindow manifest"


@given(st.text("ab:-[]{}&*!|>'\"# \n\t%@?,~0", max_size=30))
@settings(max_examples=4000, deadline=None)
def test_any_text_gives_documents_or_the_documented_error(text: str) -> None:
    with contextlib.suppress(InvalidWindow):
        assert load_documents(text)
