"""Each manifest of the documentation is one that the API server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.documentation import blocks
from tests.shell import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl

ELSEWHERE = {"VirtualService"}
"""Kinds of others, whose CRDs are not installed here."""
OURS = {"MaintenanceWindow", "ClusterMaintenanceWindow"}


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each stands, and what it is; examples' files have tests of their own."""
    texts = [(str(block), block.text) for block in blocks("yaml")]
    texts += [(str(block), text) for block in blocks("sh") for text in documents(block)]
    for place, text in texts:
        for item in yaml.safe_load_all(text.replace("$(date -u +%Y-%m-%dT%H:%M:%SZ)", NOW)):
            if isinstance(item, dict) and "apiVersion" in item and item["kind"] not in ELSEWHERE:
                yield place, item


NOW = "2026-06-01T22:00:00Z"


def refusal(kubectl: Kubectl, namespace: str, item: dict[str, Any]) -> str:
    """What the API server has against it, strictly; nothing is stored."""
    if item["kind"] != "ClusterMaintenanceWindow":
        item["metadata"]["namespace"] = namespace
    done = kubectl(
        *("create", "--dry-run=server", "--validate=strict", "-f", "-"),
        input=yaml.safe_dump(item),
        check=False,
    )
    return done.stderr if done.returncode else ""


def test_the_api_server_takes_each_manifest(kubectl: Kubectl, namespace: str) -> None:
    """One with a field that it does not know it would refuse."""
    found = list(manifests())
    windows = [item for _, item in found if item["kind"] in OURS]
    assert len(windows) >= 10
    refused = [(place, refusal(kubectl, namespace, item)) for place, item in found]
    assert [(place, why) for place, why in refused if why] == []
    wrong = {**windows[0], "spec": {**windows[0]["spec"], "begin": NOW}}
    assert 'unknown field "spec.begin"' in refusal(kubectl, namespace, wrong)
