"""The chart, rendered as Helm renders it: for the tests, and for the cluster that they run on.

In a process of its own: Helm's library brings a Go runtime, whose threads and signal handlers
have no place in a test run that forks, starts and kills processes.

    python -m tests.chart OPTIONS_AS_JSON
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "fastapi-maintenance"


# The one that is written in C takes a tenth of the time.
class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that stands twice, as whoever works on Helm's output (Flux, Kustomize) does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


RELEASE = "fastapi-maintenance"
NAMESPACE = "fastapi-maintenance-system"


class ChartError(Exception):
    """Helm refuses the chart or the values; the message is Helm's."""


def render(
    values: dict[str, Any] | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE
) -> list[dict[str, Any]]:
    """The objects of a release, CRDs first.

    `values` override those of `values.yaml`, as a file given to `helm install` does.

    Raises:
        ChartError: Helm refuses the values.
    """
    texts = _templates(values, release, namespace)
    rendered = (text for path, text in texts.items() if path.endswith(".yaml"))
    manifests = (yaml.load_all(text, Loader) for text in rendered)
    objects = [item for manifest in manifests for item in manifest if item]
    return sorted(objects, key=lambda item: bool(item["kind"] != "CustomResourceDefinition"))


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of a kind, hooks apart."""
    (found,) = [item for item in objects if item["kind"] == kind and not is_hook(item)]
    return found


def is_hook(item: dict[str, Any]) -> bool:
    """Whether Helm creates it at some other time than the release."""
    return "helm.sh/hook" in (item["metadata"].get("annotations") or {})


def pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The Pod template of the operator."""
    template: dict[str, Any] = only(objects, "Deployment")["spec"]["template"]
    return template


def container(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The container of the operator."""
    (found,) = pod(objects)["spec"]["containers"]
    return dict(found)


def notes(
    values: dict[str, Any] | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE
) -> str:
    """What Helm says after the installation."""
    return _templates(values, release, namespace)["fastapi-maintenance/templates/NOTES.txt"]


def lint(values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What `helm lint --strict` finds: ``{"severity", "path", "error"}``, 1 is a mere hint."""
    findings: list[dict[str, Any]] = _helm("lint", {"values": values})["messages"]
    return findings


def _templates(values: dict[str, Any] | None, release: str, namespace: str) -> dict[str, str]:
    return _helm("render", {"values": values, "name": release, "namespace": namespace})


def _helm(verb: str, options: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_answer(verb, json.dumps(options)))
    return answer


@functools.cache
def _answer(verb: str, options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", __name__, verb, options],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise ChartError(done.stderr)
    return done.stdout


def main(verb: str, options: str) -> None:
    """Print Helm's answer as JSON."""
    import helm_python

    if verb == "lint":
        print(json.dumps(helm_python.lint(CHART, strict=True, **json.loads(options))))
        return
    try:
        with helm_python.Chart.load(CHART) as chart:
            print(json.dumps(chart.render(**json.loads(options))))
    except helm_python.HelmError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
