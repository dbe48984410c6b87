"""The CRD as an older API server might have had it: without the rules, or without some fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from tests.chart import ROOT
from tests.controlplane.install import await_served

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

PATH = ROOT / "crds" / "maintenancewindows.yaml"


def crd() -> dict[str, Any]:
    """The CRD as it is shipped."""
    found: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return found


def spec_of(item: dict[str, Any]) -> dict[str, Any]:
    """The schema of the spec within a CRD."""
    (version,) = item["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


@contextmanager
def installed(kubectl: Kubectl, item: dict[str, Any]) -> Iterator[None]:
    """Another CRD in the place of ours, as long as the block lasts."""
    replace(kubectl, item)
    try:
        yield
    finally:
        replace(kubectl, crd())


def replace(kubectl: Kubectl, item: dict[str, Any]) -> None:
    """Put a CRD in place, and wait until its kind can be listed: its storage is opened anew.

    The API server takes the new schema a moment after it has told so.
    """
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=yaml.safe_dump(item))
    await_served(kubectl, [item["metadata"]["name"]])


def without_rules(schema: Any) -> Any:
    """A schema with types and bounds alone."""
    if isinstance(schema, dict):
        return {
            name: without_rules(value)
            for name, value in schema.items()
            if name != "x-kubernetes-validations"
        }
    return [without_rules(each) for each in schema] if isinstance(schema, list) else schema
