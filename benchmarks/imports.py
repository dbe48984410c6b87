"""What importing the gate costs a process that imports FastAPI anyway: time, and memory."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .environments import clean_environ

# FastAPI comes first in the same interpreter: what both share is in neither figure, and the
# difference of two long times, each with its own noise, need not be taken.
_IMPORT = "import fastapi_maintenance; fastapi_maintenance.MaintenanceModeMiddleware"
_TIME = f"""
import time, gc
began = time.perf_counter_ns()
import fastapi
gc.collect()
between = time.perf_counter_ns()
{_IMPORT}
ended = time.perf_counter_ns()
print(ended - between, between - began)
"""
_MEMORY = f"""
import fastapi, gc, tracemalloc
gc.collect()
tracemalloc.start()
{_IMPORT}
gc.collect()
print(tracemalloc.get_traced_memory()[0], 0)
"""


@dataclass
class Imports:
    """What fresh interpreters of one environment took."""

    title: str
    python: Path
    milliseconds: list[float] = field(default_factory=list)
    fastapi: list[float] = field(default_factory=list)
    """Milliseconds for FastAPI itself, to compare with."""
    mebibytes: float = 0.0

    @property
    def median(self) -> float:
        """Milliseconds."""
        return statistics.median(self.milliseconds)


def measure_imports(pythons: Iterable[tuple[str, Path]], interpreters: int) -> list[Imports]:
    """Import in turn in each environment, in fresh interpreters."""
    taken = [Imports(title, python) for title, python in pythons]
    for each in taken:
        if interpreters > 1:
            _run(each.python, _TIME)  # compiles what is not compiled yet, and does not count
        each.mebibytes = _run(each.python, _MEMORY)[0] / 2**20
    for _ in range(interpreters):
        for each in taken:
            ours, fastapi = _run(each.python, _TIME)
            each.milliseconds.append(ours / 1e6)
            each.fastapi.append(fastapi / 1e6)
    return taken


def _run(python: Path, code: str) -> tuple[int, int]:
    done = subprocess.run(
        [python, "-P", "-s", "-c", code],
        env=clean_environ(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    first, second = done.stdout.split()
    return int(first), int(second)
