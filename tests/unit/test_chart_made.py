"""What of the chart is made from something else: versions, the table of values, snapshots."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.chart import CHART, ROOT, container, render
from tests.python import python
from tests.snapshots import FOLDER, NAMES, snapshot

RELEASED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def generate(expression: str) -> Any:
    """What `charts/generate.py` says."""
    code = f"import generate, json; print(json.dumps({expression}))"
    return json.loads(python("-c", code, cwd=ROOT / "charts"))


def test_the_charts_versions_are_the_packages() -> None:
    """And what Artifact Hub is told of them."""
    stands = (CHART / "Chart.yaml").read_text()
    assert generate("generate.chart()") == stands, "make chart-docs"
    chart = yaml.safe_load(stands)
    assert chart["appVersion"] == RELEASED
    assert container(render())["image"].endswith(f":{RELEASED}")
    (image,) = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    assert container(render())["image"] == image["image"]


@pytest.mark.parametrize(
    ("released", "semantic"),
    [
        ("1.0.0", "1.0.0"),
        ("1.0.0a1", "1.0.0-alpha.1"),
        ("2.1.0b3", "2.1.0-beta.3"),
        ("1.2.0rc4", "1.2.0-rc.4"),
    ],
)
def test_a_version_is_spelled_as_helm_wants_it(released: str, semantic: str) -> None:
    """Semantic versioning, whose order of alpha, beta and rc is the same."""
    assert generate(f"generate.semantic_version({released!r})") == semantic


def test_artifact_hub_is_told_of_the_crds_that_the_chart_has() -> None:
    """By name and kind; the example is a window that the API takes."""
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    told = {(i["name"], i["kind"]) for i in yaml.safe_load(annotations["artifacthub.io/crds"])}
    crds = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert told == {(crd["metadata"]["name"], crd["spec"]["names"]["kind"]) for crd in crds}


def test_the_readmes_table_of_values_is_current() -> None:
    """It is made of the comments in values.yaml."""
    assert generate("generate.readme()") == (CHART / "README.md").read_text(), "make chart-docs"


def test_every_value_is_in_the_table() -> None:
    """`# -- text` above it; a value that holds others needs none."""
    told = {
        path
        for path, _ in generate(
            "list(generate.values(open('fastapi-maintenance/values.yaml').read()))"
        )
    }
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert [path for path in leaves(values) if not covered(path, told)] == []


def leaves(values: dict[str, Any], before: str = "") -> list[str]:
    """The paths of all values that hold no others."""
    found = []
    for name, value in values.items():
        path = f"{before}{name}"
        found += leaves(value, f"{path}.") if isinstance(value, dict) and value else [path]
    return found


def covered(path: str, told: set[str]) -> bool:
    """Whether it, or something that holds it, is in the table."""
    names = path.split(".")
    return any(".".join(names[:length]) in told for length in range(1, len(names) + 1))


def test_the_schema_knows_the_values_and_is_closed_at_each_level() -> None:
    """Each value is in it, and no object of it takes a name that the chart does not read."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    known = shapes(schema, schema)
    for path in leaves(values):
        assert any(f"{name}.".startswith(f"{path}.") or is_free(path) for name in known), path
    assert set(values) == set(schema["properties"]) - {"global", "enabled"}


def is_free(path: str) -> bool:
    """Whether it is one of Kubernetes' own shapes, or a map of labels."""
    return path.startswith(("resources.", "metrics.dashboard.labels."))


def shapes(node: dict[str, Any], root: dict[str, Any], before: str = "") -> list[str]:
    """The paths of all values that the schema knows; fails where it is open."""
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    properties = node.get("properties")
    if node.get("type") != "object" or properties is None or before.startswith("resources"):
        return [before.rstrip(".")]
    assert node["additionalProperties"] is False, before
    return [
        path
        for name, inner in properties.items()
        for path in shapes(inner, root, f"{before}{name}.")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_objects_are_those_of_the_snapshot(name: str) -> None:
    """A change of the chart is seen as a change of what it renders to."""
    assert snapshot(name) == (FOLDER / f"{name}.yaml").read_text(), "make snapshots"


def test_a_snapshot_says_all_that_is_new() -> None:
    """There are several, and none is empty."""
    assert len(NAMES) >= 3
    for name in NAMES:
        assert len(re.findall(r"^kind: ", snapshot(name), re.MULTILINE)) > 5
