"""Whatever goes wrong meanwhile, the final state is the pure function of the observed objects."""

from __future__ import annotations

import logging
import os
import time

import pytest

from tests.simulated import Run, check
from tests.unit.operated import MemoryCluster, Operator, clock_at

pytestmark = pytest.mark.anyio

RUNS, FIRST = 20, int(os.environ.get("SIMULATE_SEED", "0"))
SECONDS = float(os.environ.get("SIMULATE", "0"))
"""At least as many runs as above, and for at least so long: `make simulate` takes an hour."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """For these tests alone: others of the process look at what is logged."""
    caplog.set_level(logging.CRITICAL, "fastapi_maintenance_operator")


@pytest.mark.timeout(SECONDS + 300)
async def test_kills_conflicts_throttling_and_relists_leave_no_trace() -> None:
    """Each seed is a story; SIMULATE_SEED begins with the one that failed."""
    until, seed, kills = time.monotonic() + SECONDS, FIRST, 0
    while seed < FIRST + RUNS or time.monotonic() < until:
        with clock_at("2026-06-01T11:00Z"):
            run = Run(seed)
            try:
                await run.play()
            except BaseException as error:
                error.add_note(f"SIMULATE_SEED={seed}")
                raise
        kills += run.kills
        seed += 1
    print(f"{seed - FIRST} runs, {kills} kills")
    assert kills > RUNS


async def test_the_comparison_finds_what_is_wrong() -> None:
    """A plan or a status that is not what it should be fails it."""
    with clock_at("2026-06-01T11:00Z"):
        cluster = MemoryCluster()
        cluster.put("a", start="2026-06-01T12:00:00Z")
        await Operator(cluster).work()
        check(cluster)
        cluster.edit_plan("{}")
        with pytest.raises(AssertionError):
            check(cluster)
        await Operator(cluster).work()
        check(cluster)
        cluster.windows["shop", "a"]["status"]["observedGeneration"] = 7
        with pytest.raises(AssertionError):
            check(cluster)
