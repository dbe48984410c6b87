"""A policy scan of what the chart renders to: each finding is explained here, or is a failure.

    python -m tests.scan CHECKOV

CHECKOV is the program, from an environment of its own (`make chart-scan`). An explanation that
explains nothing any more is a failure too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.chart import render
from tests.snapshots import FOLDER, NAMES

OPERATOR, TRIAL = "Deployment operator", "Pod of helm test"
EXPLAINED = {
    ("CKV_K8S_11", OPERATOR): "a limit of CPU makes a busy leader miss its Lease; memory has one",
    ("CKV_K8S_38", OPERATOR): "it works with the API server: the token is what it is for",
    (
        "CKV_K8S_40",
        OPERATOR,
    ): "the image says 65532; OpenShift gives another, which a value forbids",
    ("CKV_K8S_43", OPERATOR): "image.digest pins it; a chart is older than its image's digest",
    ("CKV_K8S_15", OPERATOR): "a release's tag does not move; image.pullPolicy says otherwise",
    ("CKV_K8S_11", TRIAL): "runs for seconds",
    ("CKV_K8S_38", TRIAL): "it writes a window: the token is what it is for",
    ("CKV_K8S_40", TRIAL): "as the operator",
    ("CKV_K8S_43", TRIAL): "as the operator",
    ("CKV_K8S_15", TRIAL): "as the operator",
    ("CKV_K8S_8", TRIAL): "runs once, to its end",
    ("CKV_K8S_9", TRIAL): "runs once, to its end",
    ("CKV2_K8S_6", TRIAL): "accepts no connection",
}

Finding = tuple[str, str]
"""The name of a check, and of what it finds fault with."""


def main(checkov: str) -> None:
    """Say how many checks passed, and what is not explained."""
    with tempfile.TemporaryDirectory() as folder:
        _render(Path(folder))
        passed, found = _scan(checkov, Path(folder))
    problems = [f"not explained: {check} of the {of}: {said}" for (check, of), said in new(found)]
    problems += [f"explains nothing: {check} of the {of}" for check, of in EXPLAINED.keys() - found]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{passed} checks passed; each of {len(found)} findings is explained")


def new(found: dict[Finding, str]) -> list[tuple[Finding, str]]:
    """What is not explained, with the check's own words."""
    return [(finding, said) for finding, said in found.items() if finding not in EXPLAINED]


def _render(folder: Path) -> None:
    for name in NAMES:
        values = yaml.safe_load((FOLDER / f"{name}.values.yaml").read_text()) or {}
        objects = [o for o in render(values) if o["kind"] != "CustomResourceDefinition"]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))


def _scan(checkov: str, folder: Path) -> tuple[int, dict[Finding, str]]:
    """How many checks passed, and what failed."""
    how = ("--framework", "kubernetes", "--output", "json", "--skip-download", "--soft-fail")
    done = subprocess.run(
        [checkov, "--directory", str(folder), *how], capture_output=True, text=True, check=True
    )
    results: dict[str, Any] = json.loads(done.stdout)
    failed = results["results"]["failed_checks"]
    return results["summary"]["passed"], {
        (check["check_id"], _owner(check["resource"])): check["check_name"] for check in failed
    }


def _owner(resource: str) -> str:
    """What a resource such as ``Deployment.NAMESPACE.NAME`` is to the chart."""
    kind, _, name = resource.split(".")[:3]
    if kind == "Deployment" and "-operator" in name:
        return OPERATOR
    return TRIAL if kind == "Pod" and name.endswith("-test") else f"{kind} {name}"


if __name__ == "__main__":
    main(*sys.argv[1:])
