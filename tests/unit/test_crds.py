"""What holds for the schema of every CRD, read as text: no cluster is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.chart import ROOT
from tests.python import python

BOUNDS = {
    "string": {"maxLength", "enum", "format"},
    "array": {"maxItems"},
    "integer": {"minimum"},
}
KUBERNETES_OWN = ("apiVersion", "kind", "metadata", "metadata.name")
BY_MACHINES = "MaintenanceProcess."


def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A schema and every one within it, with their paths."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from walk(each, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")


def fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """All fields of all versions of all CRDs, but for those that are every object's."""
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(file.read_text())
        kind = crd["spec"]["names"]["kind"]
        for version in crd["spec"]["versions"]:
            for path, field in walk(version["schema"]["openAPIV3Schema"], kind):
                if path not in {f"{kind}.{name}" for name in KUBERNETES_OWN}:
                    yield path, field


FIELDS = list(fields())


def test_there_are_fields_to_look_at() -> None:
    """Otherwise the tests below would say nothing."""
    assert "MaintenanceWindow.spec.response.headers[].value" in dict(FIELDS)


def test_every_field_is_explained() -> None:
    """`kubectl explain` has a sentence for each; a string in a list has that of its list."""
    silent = [path for path, field in FIELDS if "description" not in field]
    assert [path for path in silent if not path.endswith("[]")] == []


def test_every_value_is_bounded() -> None:
    """Strings, lists and numbers: the API server estimates the cost of rules from the bounds."""
    bound = [path for path, field in FIELDS if BOUNDS.get(field["type"], set()) & field.keys()]
    unbound = [path for path, field in FIELDS if field["type"] in BOUNDS and path not in bound]
    assert unbound == []


def test_every_rule_says_the_problem_and_the_mend() -> None:
    """As two parts of one sentence: what is wrong; what to write."""
    rules = [rule for _, field in FIELDS for rule in field.get("x-kubernetes-validations", ())]
    assert rules
    assert [rule for rule in rules if "; " not in rule.get("message", "")] == []


def test_a_list_of_the_spec_is_one_value() -> None:
    """Where people write it: atomic, never empty, and without defaults inside."""
    written = [(path, f) for path, f in FIELDS if not path.startswith(BY_MACHINES)]
    lists = [f for path, f in written if f["type"] == "array" and ".spec." in path]
    assert {(f["x-kubernetes-list-type"], f["minItems"]) for f in lists} == {("atomic", 1)}
    assert [path for f in lists for path, inner in walk(f, "") if "default" in inner] == []


def spec_of(name: str) -> dict[str, Any]:
    """The schema of a kind's spec."""
    crd = yaml.safe_load((ROOT / "crds" / name).read_text())
    (version,) = crd["spec"]["versions"]
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def test_a_windows_spec_is_the_same_for_a_namespace_and_for_the_cluster() -> None:
    """Field by field, with the rules; only the selector of namespaces is the cluster's own."""
    one, many = spec_of("maintenancewindows.yaml"), spec_of("clustermaintenancewindows.yaml")
    selector = many["properties"].pop("namespaceSelector")
    assert selector["properties"].keys() == {"matchLabels", "matchExpressions"}
    assert many.pop("required") == [*one.pop("required"), "namespaceSelector"]
    fields = one.pop("properties")
    assert many.pop("properties") == fields
    assert many == one
    assert len(fields) > 15


def test_the_cluster_wide_crd_was_made_from_the_other() -> None:
    code = "import generate; print(generate.generate(), end='')"
    made = python("-c", code, cwd=ROOT / "crds")
    stands = (ROOT / "crds" / "clustermaintenancewindows.yaml").read_text()
    assert made == stands, "make crds"
