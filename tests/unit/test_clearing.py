"""Clearing away the processes that are silent, though no window waits for them."""

from __future__ import annotations

import pytest

from fastapi_maintenance_operator.proof_rounds import Rounds
from fastapi_maintenance_operator.reconcile import Object
from tests.unit.making import at
from tests.unit.proving import ONE, MemoryProcesses, stored_process

pytestmark = pytest.mark.anyio


async def test_where_many_are_silent_the_pod_of_each_is_looked_at_in_turn() -> None:
    """Killed workers of a Pod that lives can't be proven gone, and hide nobody who can."""
    processes, now = MemoryProcesses(), [0.0]
    rounds = Rounds(processes, lambda: at(ONE), lambda: now[0])
    processes.pods["alive"] = {"metadata": {"uid": "uid-of-alive"}, "status": {}}
    for number in range(25):
        pod = "gone" if number == 24 else "alive"
        item = stored_process(pod, name=f"mp-{number}")
        rounds.hear("ADDED", processes.put(item))
    for _ in range(3):
        now[0] += 300
        await rounds.sweep()
    assert processes.removed == ["mp-24"]
    assert len(processes.looked_at) == 30


async def test_a_process_that_went_while_nobody_told_is_forgotten() -> None:
    """A watch that begins anew tells what is there, and not what is there no more."""
    processes = MemoryProcesses()
    rounds = Rounds(processes, lambda: at(ONE))
    processes.pods["orders-1"] = {"metadata": {"uid": "uid-of-orders-1"}, "status": {}}
    rounds.hear("ADDED", processes.put(stored_process("orders-1")))
    for pod in (None, "orders-2"):
        rounds.hear("ADDED", stored_process(pod))
    await rounds.sweep()
    assert [process.name for _, process in rounds.heard] == ["mp-orders-1"]
    assert processes.looked_at == ["orders-1"]


async def test_a_process_that_speaks_while_all_are_listed_is_not_forgotten() -> None:
    class Late(MemoryProcesses):
        async def list(self, namespace: str) -> list[Object]:
            answer = await super().list(namespace)
            rounds.hear("ADDED", self.put(stored_process("orders-1", heard=ONE)))
            return answer

    processes = Late()
    rounds = Rounds(processes, lambda: at(ONE))
    rounds.hear("ADDED", stored_process("orders-1"))
    await rounds.sweep()
    assert [process.name for _, process in rounds.heard] == ["mp-orders-1"]
    assert processes.looked_at == []
