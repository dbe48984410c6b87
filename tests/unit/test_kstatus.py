"""The rules by which tools wait, as tests/kstatus.py has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kstatus import Outcome, kstatus, kubectl_waits_for


def item(observed: int | None, *, going: bool = False, **conditions: str) -> dict[str, Any]:
    """An object of generation 2."""
    status: dict[str, Any] = {} if observed is None else {"observedGeneration": observed}
    status["conditions"] = [{"type": kind, "status": word} for kind, word in conditions.items()]
    metadata = {"generation": 2, **({"deletionTimestamp": "now"} if going else {})}
    return {"metadata": metadata, "status": status}


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (item(2, Ready="True"), Outcome.CURRENT),
        (item(2), Outcome.CURRENT),
        (item(None, Ready="Unknown"), Outcome.IN_PROGRESS),
        (item(1, Ready="True"), Outcome.IN_PROGRESS),
        (item(2, Ready="False"), Outcome.IN_PROGRESS),
        (item(2, Ready="False", Stalled="True"), Outcome.FAILED),
        (item(1, Ready="False", Stalled="True"), Outcome.IN_PROGRESS),
        (item(2, Ready="True", Reconciling="True"), Outcome.IN_PROGRESS),
        (item(2, going=True, Ready="True"), Outcome.TERMINATING),
    ],
)
def test_each_rule_decides(given: dict[str, Any], outcome: Outcome) -> None:
    assert kstatus(given) is outcome


def test_kubectl_waits_for_a_condition_of_the_present_generation() -> None:
    assert kubectl_waits_for(item(2, Ready="False"), "Ready")
    assert kubectl_waits_for(item(1, Ready="True"), "Ready")
    assert kubectl_waits_for(item(2), "Ready")
    assert not kubectl_waits_for(item(2, Ready="True"), "Ready")
