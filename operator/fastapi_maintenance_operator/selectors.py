"""Which namespaces a ClusterMaintenanceWindow is for: label selectors as Kubernetes has them.

See "Labels and selectors" in its documentation, and metav1.LabelSelector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi_maintenance.windows import InvalidWindow

Labels = Mapping[str, str]

_PATH = "spec.namespaceSelector"
_WITH_VALUES, _WITHOUT = ("In", "NotIn"), ("Exists", "DoesNotExist")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that labels must fulfil."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds_for(self, labels: Labels) -> bool:
        """Whether labels fulfil it; those without the key fulfil ``NotIn``."""
        if self.operator == "In":
            return labels.get(self.key) in self.values
        if self.operator == "NotIn":
            return labels.get(self.key) not in self.values
        return (self.key in labels) is (self.operator == "Exists")


@dataclass(frozen=True, slots=True)
class Selector:
    """All of its requirements must hold; without any, it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def selects(self, labels: Labels) -> bool:
        """Whether it selects what carries these labels."""
        return all(requirement.holds_for(labels) for requirement in self.requirements)


def parse_selector(value: Any) -> Selector:
    """The selector of a manifest.

    Raises:
        InvalidWindow: it is absent, or holds what this version does not understand: selecting
            too much would stop applications that nobody meant.
    """
    if not isinstance(value, Mapping):
        raise InvalidWindow(_PATH, "is missing", "say matchLabels, or {} for every namespace")
    unknown = value.keys() - {"matchLabels", "matchExpressions"}
    if unknown:
        mend = "write matchLabels or matchExpressions"
        raise InvalidWindow(f"{_PATH}.{min(unknown)}", "unknown field", mend)
    labels = value.get("matchLabels") or {}
    equal = [Requirement(key, "In", frozenset({text})) for key, text in sorted(labels.items())]
    given = enumerate(value.get("matchExpressions") or ())
    return Selector((*equal, *(_requirement(f"[{n}]", each) for n, each in given)))


def _requirement(number: str, given: Mapping[str, Any]) -> Requirement:
    path = f"{_PATH}.matchExpressions{number}"
    operator, values = given.get("operator"), given.get("values") or ()
    if operator not in _WITH_VALUES + _WITHOUT:
        mend = f"write one of {', '.join(_WITH_VALUES + _WITHOUT)}"
        raise InvalidWindow(f"{path}.operator", f"{operator!r} is unknown", mend)
    if bool(values) is not (operator in _WITH_VALUES):
        mend = "give values with In and NotIn, and none with Exists and DoesNotExist"
        raise InvalidWindow(f"{path}.values", f"do not go with {operator}", mend)
    return Requirement(str(given.get("key")), operator, frozenset(values))
