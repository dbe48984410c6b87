"""Each rule of the CRD is needed: without it, a manifest that it refuses would be accepted.

Each mutant is a CRD of its own, beside the real one, that lacks a single rule.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import ROOT
from tests.cluster.test_crd import ONCE, REFUSED
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

CRD: dict[str, Any] = yaml.safe_load((ROOT / "crds/maintenancewindows.yaml").read_text())
GROUP = "mutants.example.com"
RULES = "x-kubernetes-validations"
NAMELESS = {"spec": ONCE, "says": "metadata.name has dots", "name": "two.words"}
WRONG: list[dict[str, Any]] = [*REFUSED, NAMELESS]
"""Manifests that are refused, and what is said then."""


def rule_lists(schema: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """The lists of rules of a schema and of all within it, always in the same order."""
    if RULES in schema:
        yield schema[RULES]
    items = [schema["items"]] if "items" in schema else []
    for inner in (*schema.get("properties", {}).values(), *items):
        yield from rule_lists(inner)


def places(crd: dict[str, Any]) -> list[tuple[list[dict[str, Any]], int]]:
    """Every rule, as its list and its place there."""
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return [(rules, number) for rules in rule_lists(schema) for number in range(len(rules))]


MESSAGES = [rules[number]["message"] for rules, number in places(CRD)]
CHOSEN = range(0, len(MESSAGES), 1 if os.environ.get("MUTANTS") else 9)
"""All of them take some minutes; a few show that the test works."""


def mutant(number: int) -> dict[str, Any]:
    """The CRD without one of its rules."""
    crd = copy.deepcopy(CRD)
    rules, place = places(crd)[number]
    del rules[place]
    names = {"kind": f"Mutant{number}", "plural": f"mutant{number}s", "singular": f"mutant{number}"}
    crd["metadata"] = {"name": f"{names['plural']}.{GROUP}"}
    crd["spec"] |= {"group": GROUP, "names": {**names, "listKind": f"Mutant{number}List"}}
    return crd


def manifests(number: int) -> str:
    """Those that the rule of a mutant is about."""
    kind = {"apiVersion": f"{GROUP}/v1alpha1", "kind": f"Mutant{number}"}
    about = [each for each in WRONG if is_said(each["says"], MESSAGES[number])]
    texts = [
        json.dumps({**kind, "metadata": {"name": each.get("name", f"m{n}")}, "spec": each["spec"]})
        for n, each in enumerate(about)
    ]
    return "\n---\n".join(texts)


def is_said(says: str, message: str) -> bool:
    """Whether it is, or ends with, a part of the message."""
    return says in message or message in says or says.removeprefix("Forbidden: ") in message


@pytest.fixture(scope="module")
def mutants(kubectl: Kubectl) -> Iterator[None]:
    """The chosen ones, served."""
    crds = [mutant(number) for number in CHOSEN]
    kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(crds))
    names = [f"crd/{crd['metadata']['name']}" for crd in crds]
    try:
        kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
        yield
    finally:
        kubectl("delete", "--wait=false", *names)


def accepted(kubectl: Kubectl, number: int) -> int:
    """How many of the refused manifests a mutant accepts."""
    given = manifests(number)
    served = ("get", f"mutant{number}s.{GROUP}", "--all-namespaces")
    wait_for(lambda: not kubectl(*served, check=False).returncode, 60, f"mutant {number}")
    assert given, "no manifest of refused.yaml is about this rule"
    made = kubectl("create", "--dry-run=server", "-o", "name", "-f", "-", input=given, check=False)
    return len(made.stdout.split())


@pytest.mark.usefixtures("mutants")
@pytest.mark.parametrize("number", CHOSEN, ids=[MESSAGES[number][:48] for number in CHOSEN])
def test_without_the_rule_something_wrong_would_be_accepted(kubectl: Kubectl, number: int) -> None:
    """By a mutant that is the same in all else."""
    assert accepted(kubectl, number) >= 1
