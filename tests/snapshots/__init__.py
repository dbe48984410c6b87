"""What the chart renders to for some sets of values, as text that a reviewer reads.

`NAME.values.yaml` has the values, `NAME.yaml` the objects: without the CRDs, the standard labels
and the dashboard, which other tests compare; and, but for `default`, without what is the same by
default.

    python -m tests.snapshots

writes them anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.chart import CHART, render

FOLDER = Path(__file__).parent
NAMES = sorted(path.name.partition(".")[0] for path in FOLDER.glob("*.values.yaml"))
LABELS = ("app.kubernetes.io/", "helm.sh/")


def snapshot(name: str) -> str:
    """The text for a set of values."""
    usual = [] if name == "default" else _objects({})
    values = yaml.safe_load((FOLDER / f"{name}.values.yaml").read_text()) or {}
    shown = [_shortened(item) for item in _objects(values) if item not in usual]
    text: str = yaml.safe_dump_all(shown, sort_keys=False, width=120, allow_unicode=True)
    released = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    return text.replace(f":{released}", ":(appVersion)")


def _objects(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in render(values) if item["kind"] != "CustomResourceDefinition"]


def _shortened(item: dict[str, Any]) -> dict[str, Any]:
    template = item.get("spec", {}).get("template", {})
    for metadata in (item["metadata"], template.get("metadata", {})):
        labels = metadata.pop("labels", {})
        if own := {key: v for key, v in labels.items() if not key.startswith(LABELS)}:
            metadata["labels"] = own
    if item["kind"] == "ConfigMap":
        item["data"] = dict.fromkeys(item["data"], "…")
    return item


def write() -> None:
    """All of them."""
    for name in NAMES:
        (FOLDER / f"{name}.yaml").write_text(snapshot(name))
