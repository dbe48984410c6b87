"""YAML as Kubernetes reads it, with the traps of YAML 1.1 shut."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import InvalidWindow, load_documents, parse_manifest
from tests.controlplane.kubectl import Kubectl
from tests.unit.making import manifest, parsed

MANIFEST = """
apiVersion: fastapi-maintenance.io/v1alpha1
kind: MaintenanceWindow
metadata:
  name: w
  namespace: shop
spec:
  apps: ["*"]
"""


AS_KUBECTL_READS_IT: dict[str, object] = {
    "2:30": "2:30",
    "2026-06-01T12:00:00Z": "2026-06-01T12:00:00Z",
    "2026-06-01": "2026-06-01",
    "y": True,
    "on": True,
    "No": False,
    "OFF": False,
    "true": True,
    "False": False,
    "tRue": "tRue",
    "null": None,
    "~": None,
    "": None,
    "nULL": "nULL",
    "=": "=",
    "503": 503,
    "-1": -1,
    "+5": 5,
    "1_000": 1000,
    "_1": "_1",
    "010": 8,
    "08": 8.0,
    "0o17": 15,
    "-0x1F": -31,
    "0b101": 5,
    "0x": "0x",
    "1.50": 1.5,
    ".5": 0.5,
    "1e3": 1000.0,
    "1e": "1e",
    "1e400": "1e400",
    "9" * 5000: "9" * 5000,
    "100000000000000000000": 1e20,
    "0x10000000000000000": "0x10000000000000000",
    "1.2.3": "1.2.3",
    "'503'": "503",
    '"true"': "true",
    "!!str 5": "5",
    '!!int "5"': 5,
    "!!float 5": 5.0,
    "!!bool yes": True,
    '!!null ""': None,
    "!!map {a: 1}": {"a": 1},
    "!!seq [1]": [1],
}


@pytest.mark.parametrize("text", AS_KUBECTL_READS_IT)
def test_a_value_is_what_kubectl_takes_it_for(text: str) -> None:
    """Words and numbers of YAML 1.1; times and sexagesimal numbers stay strings."""
    assert load_documents(f"key: {text}") == [{"key": AS_KUBECTL_READS_IT[text]}]


def test_kubectl_takes_them_for_the_same(tmp_path: Path) -> None:
    """The real one, which converts without a cluster; JSON knows 5.0 as 5."""
    fields = [f"v{n}: {text}" for n, text in enumerate(AS_KUBECTL_READS_IT)]
    merges = ["base: &base {a: 1, b: 2}", "below: {<<: *base, a: 5}", 'plain: {"<<": 1}']
    merges += ["several: {<<: [*base, {a: 9, c: 3}]}", "yes: 1", "0x10: 2", "2026-01-01: 3"]
    text = "\n".join(["apiVersion: v1", "kind: X", "metadata: {name: x}", *fields, *merges])
    said = Kubectl(tmp_path / "none")(
        "label", "--local", "-f", "-", "-o", "json", "a=b", input=text
    )
    theirs = json.loads(said.stdout)
    del theirs["metadata"]["labels"]
    assert load_documents(text) == [theirs]


def test_a_bare_time_is_the_instant_that_it_says() -> None:
    (document,) = load_documents(MANIFEST + "  start: 2026-06-01T12:00:00+02:00\n")
    assert parse_manifest(document) == parsed(start="2026-06-01T12:00:00+02:00")


@pytest.mark.parametrize(
    ("line", "field", "problem"),
    [
        ("apps: [on]", "spec.apps[0]", "True is not an app name"),
        ("duration: 2:30", "spec.duration", "'2:30' is not a duration"),
        ("start: 2026-06-01 12:00:00", "spec.start", "is not a date-time"),
        ("mode: off", "spec.mode", "False is unknown"),
        ("response: {statusCode: 0503}", "spec.response.statusCode", "323 is out of bounds"),
    ],
)
def test_what_yaml_would_turn_into_something_else_is_refused(
    line: str, field: str, problem: str
) -> None:
    start = "" if "start" in line else "  start: 2026-06-01T12:00:00Z\n"
    manifest = MANIFEST.replace('  apps: ["*"]\n', "") if "apps" in line else MANIFEST
    (document,) = load_documents(f"{manifest}{start}  {line}\n")
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest(document)
    assert caught.value.field == field
    assert problem in caught.value.problem


def test_anchors_stand_for_what_they_mark() -> None:
    """As kubectl reads them."""
    assert load_documents("a: &mark [1, x]\nb: *mark") == [{"a": [1, "x"], "b": [1, "x"]}]


def test_a_merge_gives_fields_that_what_is_written_below_it_may_change() -> None:
    """Of several, the first counts; in quotes it is a name like any other."""
    (document,) = load_documents(
        "a: &a {x: 1, w: 1}\nb: &b {w: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {'<<': 1}"
    )
    assert document["c"] == {"x": 1, "w": 1, "z": 3}
    assert document["d"] == {"<<": 1}


def test_a_time_is_a_time_as_a_name_too() -> None:
    """Names are strings, as in JSON."""
    assert load_documents("{yes: 1, 0x10: 2, 2:30: 3}") == [{"true": 1, "16": 2, "2:30": 3}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is given twice: keep the one that you mean"),
        ("x:\n  - a: 1\n    a: 1", "line 3: 'a' is given twice"),
        ("{1: a, '1': b}", "line 1: '1' is given twice"),
        ("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "line 2: '<<' is given twice"),
        ("a: &a {x: 1}\nb: {x: 2, <<: *a}", "line 2: 'x' is given above << and by it: write <<"),
        ("a: 1\nb: {<<: 1}", "line 2: << stands for what is no mapping: write <<: *mark"),
        ("{<<: [{a: 1}, 1]}", "line 1: << stands for what is no mapping"),
        ("a: *b", "line 1: nothing is marked &b: mark it above, or write '*b' in quotes"),
        ("a: &b 1\n---\na: *b", "line 3: nothing is marked &b: mark it above"),
        ("a: &b [*b]", "line 1: &b contains itself: write it out"),
        ("a: &b {c: *b}", "line 1: &b contains itself"),
        ("? [a, b]\n: c", "line 1: a field's name is no word: write field: value"),
        ("null: 1", "line 1: a field's name is no word"),
        ("a: &b {}\n*b : 1", "line 2: a field's name is no word"),
        ("a:\n- .inf", "line 2: .inf is not a number in JSON: write it in quotes"),
        ("[" * 102 + "]" * 102, "line 1: nested deeper than 100: write it flatter"),
        ("- " * 500 + "x", "line 1: nested deeper than 100"),
        ("{a: " * 100_000, "line 1: nested deeper than 100"),
        ("a: !!python/object/apply:os.system [ls]", "the tag 'tag:yaml.org,2002:python/object"),
        ("a: !!binary aGk=", "the tag 'tag:yaml.org,2002:binary' is not known here: leave it out"),
        ("a: !!set {a}", "the tag 'tag:yaml.org,2002:set' is not known here"),
        ("a: !secret b", "the tag '!secret' is not known here"),
        ("a: !!int many", "line 1: 'many' is no int: write it in quotes, or another value"),
        ("a: !!int ''", "line 1: '' is no int"),
        ("a: !!bool maybe", "line 1: 'maybe' is no bool"),
        ("a: !!int " + "9" * 5000, "line 1: '9999"),
    ],
    ids=lambda text: text[:16],
)
def test_what_could_surprise_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidWindow) as caught:
        load_documents(text)
    assert f"file: {said}" in str(caught.value).replace("file: line 1: the", "file: the")
    assert len(str(caught.value)) < 300


def test_a_billion_laughs_cost_nothing() -> None:
    """What an alias stands for is one object, however often it is written."""
    lines = ["a0: &a0 [ha]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 60)]
    began = time.thread_time()
    (document,) = load_documents("\n".join(lines))
    with pytest.raises(InvalidWindow, match=r"spec\.apps\[0\]"):
        parse_manifest(manifest(apps=document["a59"]))
    assert time.thread_time() - began < 0.5


def test_merges_of_great_mappings_are_bounded() -> None:
    fields = ", ".join(f"f{n}: 1" for n in range(1000))
    merges = "\n".join(f"m{n}: {{<<: *a}}" for n in range(101))
    with pytest.raises(InvalidWindow, match="line 102: << stands for too many fields"):
        load_documents(f"a: &a {{{fields}}}\n{merges}")


def test_a_thousand_windows_are_read_in_less_than_a_second() -> None:
    """Of the thread's own time, since others share the machine; the best of three.

    PyYAML's own parser, where libyaml is missing, is given ten times as long.
    """
    text = "---\n".join([MANIFEST + "  start: 2026-06-01T12:00:00Z\n  duration: 2h\n"] * 1000)

    def took() -> float:
        began = time.thread_time()
        assert len([parse_manifest(document) for document in load_documents(text)]) == 1000
        return time.thread_time() - began

    most = 1 if hasattr(yaml, "CSafeLoader") else 10
    assert any(took() < most for _ in range(3))


def test_without_libyaml_it_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert load_documents("a: &a {x: yes}\nb: {<<: *a, w: '1'}\n---\n[2]") == [
        {"a": {"x": True}, "b": {"x": True, "w": "1"}},
        [2],
    ]
    with pytest.raises(InvalidWindow, match="line 2: 'a' is given twice"):
        load_documents("a: 1\na: 2")


@pytest.mark.parametrize(
    "kind", [("v1", "List"), ("fastapi-maintenance.io/v1alpha1", "MaintenanceWindowList")]
)
def test_a_list_stands_for_its_items(kind: tuple[str, str]) -> None:
    """As `kubectl get -o yaml` writes one, beside other documents."""
    given = {"apiVersion": kind[0], "kind": kind[1], "metadata": {"resourceVersion": ""}}
    text = json.dumps(given | {"items": [{"a": 1}, {"b": 2}]})
    assert load_documents(f"{text}\n---\nc: 3") == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_an_empty_list_has_no_windows() -> None:
    assert load_documents("{apiVersion: v1, kind: List, items: []}") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"items": None}, "list.items: is not a list: write the manifests there"),
        ({"items": {}}, "list.items: is not a list"),
        ({"item": []}, "list.item: unknown field: did you mean 'items'?"),
    ],
)
def test_a_list_without_items_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidWindow) as caught:
        load_documents(json.dumps({"apiVersion": "v1", "kind": "List"} | change))
    assert said in str(caught.value)


def test_several_documents_are_several_objects() -> None:
    assert load_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "---\n---\n", "null"])
def test_without_documents_there_are_no_objects(text: str) -> None:
    assert load_documents(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a\0b: c",
        "a: \ud800",
        "[" * 50,
        'a: "\\ud800"',
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_yaml_is_the_documented_error(text: str) -> None:
    with pytest.raises(InvalidWindow, match="file: is not YAML: ") as caught:
        load_documents(text)
    assert "\n" not in str(caught.value)
    assert caught.value.mend == "write on, off, read-only, or a MaintenanceWindow manifest"


@pytest.mark.parametrize("libyaml", [True, False])
@pytest.mark.parametrize(
    ("text", "line", "mend"),
    [
        ("a: b: c", 1, "put the value in quotes"),
        ("a: 1\nmessage: Back: soon", 2, "put the value in quotes"),
        ("x:\n  message: @home", 2, "put the value in quotes"),
        ("a: `now`", 1, "put the value in quotes"),
        ("a: %", 1, "put the value in quotes"),
        ("cidrs: [::1/128]", 1, "put the value in quotes"),
        ("a: 1\n  b: 2", 2, "align the line with the fields beside it"),
        ("apps: [*]", 1, "* begins an alias: put the value in quotes"),
        ("apps: *\nb: 1", 1, "* begins an alias: put the value in quotes"),
        ("a:\n- */15 * * * *", 2, "* begins an alias: put the value in quotes"),
        ("paths:\n  - */x", 2, "* begins an alias: put the value in quotes"),
        ("a: & more", 1, "& begins an anchor: put the value in quotes"),
        ("\ta: b", 1, "indent with spaces, not with tabs"),
        ("x:\n  a: 1\n\tb: 2", 3, "indent with spaces, not with tabs"),
        ("a: 'it\nb: 1", 2, "close the quotes that begin in line 1"),
    ],
)
def test_a_slip_in_yaml_is_told_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, text: str, line: int, mend: str, libyaml: bool
) -> None:
    """By either of PyYAML's parsers, whose words differ."""
    if not libyaml:
        monkeypatch.delattr(yaml, "CSafeLoader")
    with pytest.raises(InvalidWindow, match=f"file: is not YAML: line {line}: ") as caught:
        load_documents(text)
    assert caught.value.mend == mend


@given(st.text("ab:-[]{}&*!|>'\"# \n\t%@?,~0", max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_text_gives_documents_or_the_documented_error(text: str) -> None:
    with contextlib.suppress(InvalidWindow):
        assert None not in load_documents(text)
