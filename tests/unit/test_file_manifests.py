"""From the texts of files to windows: what may stand in them, and where something is wrong."""

from __future__ import annotations

import json

import pytest

from fastapi_maintenance.backends.file_manifests import windows_of
from fastapi_maintenance.windows import InvalidWindow, make_plan
from tests.unit.making import at, manifest, parsed


def text(*manifests: object) -> str:
    return "\n---\n".join(json.dumps(item) for item in manifests)


def test_several_documents_are_several_windows_in_their_order() -> None:
    found = windows_of({"": text(manifest("b"), manifest("a"))})
    assert found.written == (parsed("b"), parsed("a"))
    assert found.planned == ()


def test_the_files_of_a_folder_add_up() -> None:
    found = windows_of({"1.yaml": text(manifest("b")), "2.json": text(manifest("a"))})
    assert found.windows == (parsed("b"), parsed("a"))


@pytest.mark.parametrize("indent", [None, 2])
def test_a_plan_is_read_as_the_plan_that_it_is(indent: int | None) -> None:
    given = parsed("night", start="2026-06-01T00:00:00Z", end="2026-06-02T00:00:00Z")
    plan = make_plan([given], at("2026-06-01T00:00Z"))[0]
    found = windows_of({"windows.json": json.dumps(json.loads(plan), indent=indent)})
    assert found.planned == (given,)
    assert found.written == ()


def test_a_manifest_that_speaks_of_a_plan_is_none() -> None:
    given = manifest(response={"message": '"kind": "MaintenancePlan"'})
    assert len(windows_of({"": json.dumps(given)}).written) == 1


@pytest.mark.parametrize(
    "nothing", [" \n", "# was: here\n# and: there\n", "---\n", "---\n# a\n---"]
)
def test_a_file_without_documents_holds_no_window(nothing: str) -> None:
    """Such as one whose windows are all commented out, or what a template leaves of none."""
    assert windows_of({"a.yaml": nothing, "b.yaml": text(manifest())}).windows == (parsed(),)


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"": text(manifest(mood="Full"))}, "spec.mood"),
        ({"a.yaml": text(manifest(mood="Full"))}, "a.yaml: spec.mood"),
        ({"": text(manifest(), manifest("b", mood="x"))}, "window 2: spec.mood"),
        ({"a.yaml": text(manifest(), manifest("b", mood="x"))}, "a.yaml, window 2: spec.mood"),
        ({"a.yaml": "a: ["}, "a.yaml: file"),
        ({"a.yaml": "on"}, "a.yaml: manifest"),
        ({"a.json": '{"kind": "MaintenancePlan"}'}, "a.json: windows.json.kind"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_its_window_and_its_field(
    texts: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        windows_of({"0.yaml": "", **texts})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            {"": "on off"},
            "manifest: 'on off' is no manifest: write on, off or read-only alone, or a manifest's "
            "fields (apiVersion, kind, metadata, spec)",
        ),
        (
            {"a.yaml": "on"},
            "a.yaml: manifest: True is no manifest: write its fields (apiVersion, kind, metadata, "
            "spec); a word counts in a file that is followed by itself",
        ),
    ],
)
def test_words_in_a_manifests_place_are_told_of(texts: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidWindow) as caught:
        windows_of(texts)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("texts", "field", "problem"),
    [
        (
            {"a.yaml": text(manifest("w")), "b.yaml": text(manifest("v"), manifest("w"))},
            "b.yaml, window 2: metadata.name",
            "shop/w stands in a.yaml already",
        ),
        (
            {"": text(manifest("w"), manifest("w"))},
            "window 2: metadata.name",
            "shop/w stands in window 1 already",
        ),
    ],
)
def test_a_window_that_is_there_twice_is_refused_with_both_places(
    texts: dict[str, str], field: str, problem: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        windows_of(texts)
    assert (caught.value.field, caught.value.problem) == (field, problem)


def test_a_window_of_a_plan_and_one_of_a_manifest_may_not_have_one_name() -> None:
    plan = make_plan([parsed("w")], at("2026-06-01T00:00Z"))[0]
    with pytest.raises(InvalidWindow, match=r"shop/w stands in a\.yaml already"):
        windows_of({"a.yaml": text(manifest("w")), "windows.json": plan})
