"""The metrics as a page, from what is registered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.metrics_core import Metric

from fastapi_maintenance import _telemetry
from fastapi_maintenance_operator.metrics import Metrics, window_families

INTRODUCTION = """# Metrics

How to scrape them, and which are worth an alert:
[the operator](../operator.md#probes-and-metrics) and [Alerts](../guides/alerts.md).
"""


def page() -> str:
    """The page as Markdown."""
    told = Metrics(list, lambda: True)
    operators = {family.name: family for family in told._registry.collect()}
    labels = {family.name: _labels(family) for family in window_families([])}
    lines = ["## The operator\n", *_table(operators.values(), labels)]
    own = list(_telemetry._Collector().collect())
    lines += ["## Applications\n", "Where prometheus-client is installed.\n"]
    lines += _table(own, {family.name: _labels(family) for family in own})
    return "\n".join([INTRODUCTION, *lines])


def _table(families: Iterable[Metric], labels: dict[str, str]) -> Iterator[str]:
    yield "| metric | type | labels | meaning |\n| --- | --- | --- | --- |"
    for family in sorted(families, key=lambda each: each.name):
        name = family.name + ("_total" if family.type == "counter" else "")
        said = family.documentation.removesuffix(".")
        yield f"| `{name}` | {family.type} | {labels.get(family.name, '')} | {said} |"
    yield ""


def _labels(family: Any) -> str:
    return ", ".join(f"`{label}`" for label in family._labelnames)
