"""The controlling end of the worker processes: one sample of each in turn, over pipes."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from .environments import Environment, clean_environ
from .subjects.shapes import Shape

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Sampling:
    """How much is taken of each subject."""

    rounds: int = 60
    milliseconds: float = 20.0
    """Of a sample, at least."""
    slices: int = 8
    """Of a sample: see the worker."""
    calls: int | None = None
    """In a sample, whatever time they take."""
    warm_up_ms: int = 50


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that a worker says.

    Raises:
        RuntimeError: it has ended.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()}: see above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def start(module: str, *words: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """A worker in this environment, to be told and to answer over pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.subjects.{module}", *words],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# Behind all else on the path: in another environment, what is installed there comes first.
_BOOT = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
runpy.run_module("benchmarks.subjects.worker", run_name="__main__")
"""


class Worker:
    """A process with the subjects of one environment, in one shape."""

    def __init__(
        self,
        environment: Environment,
        shape: Shape,
        kinds: list[str],
        warm_up_ms: int,
        hash_seed: int,
    ) -> None:
        self.environment = environment
        command = [str(environment.python()), "-P", "-s", "-c", _BOOT, str(ROOT)]
        about = [environment.factory, shape.kind, str(shape.routes), str(warm_up_ms)]
        self._process = subprocess.Popen(
            [*command, *about, *kinds],
            env={**clean_environ(), "PYTHONHASHSEED": str(hash_seed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.subjects: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()
        if error is None and self._process.returncode:
            raise RuntimeError(f"a worker ended with {self._process.returncode}: see above")

    def wait_until_ready(self) -> None:
        """Return when all its subjects are started, warm, and answer as they should."""
        self.subjects = answer_of(self._process)["ready"]

    def take(self, calls: dict[str, int], slices: int) -> dict[str, list[tuple[float, float]]]:
        """Nanoseconds of one request, by slices of a sample of so many calls.

        Each of a subject that is not bare, and of its bare application just before or after.
        """
        assert self._process.stdin is not None
        told = {"calls": calls, "slices": slices}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        return {
            name: [(own, bare) for own, bare in pairs]
            for name, pairs in answer_of(self._process)["ns"].items()
            if pairs
        }


@dataclass
class Row:
    """What was taken of one subject in one shape."""

    ratios: list[float] = field(default_factory=list)
    """To its bare application, one of each round; none where it is that."""
    nanoseconds: list[float] = field(default_factory=list)
    """Of a request, where it is a bare application."""
    statuses: set[int] = field(default_factory=set)


Rows = dict[tuple[str, str], Row]
"""By the environment's title and the subject's name."""


def take_rounds(workers: list[Worker], sampling: Sampling, rows: Rows) -> None:
    """Samples of all subjects of some workers, in turn, many times over."""
    counts = {worker: _count(worker, sampling) for worker in workers}
    for worker in workers:
        for name, about in worker.subjects.items():
            row = rows.setdefault((worker.environment.title, name), Row())
            row.statuses.add(about["status"])
    for _ in range(sampling.rounds):
        for worker, count in counts.items():
            taken = worker.take(count, sampling.slices)
            for name, pairs in taken.items():
                title, against = worker.environment.title, worker.subjects[name]["against"]
                rows[title, name].ratios.append(statistics.median(a / b for a, b in pairs))
                rows[title, against].nanoseconds += [bare for _, bare in pairs]


def _count(worker: Worker, sampling: Sampling) -> dict[str, int]:
    """Requests in a sample of each subject: so many that it is long enough to be timed well."""
    if sampling.calls is not None:
        return dict.fromkeys(worker.subjects, sampling.calls)
    count = dict.fromkeys(worker.subjects, 1)
    for _ in range(2):  # the first, of one call, only says how long the second may be
        times: dict[str, float] = {}
        for name, pairs in worker.take(count, sampling.slices).items():
            times[name], times[worker.subjects[name]["against"]] = map(
                statistics.median, zip(*pairs, strict=True)
            )
        count = {name: math.ceil(sampling.milliseconds * 1e6 / ns) for name, ns in times.items()}
    return count


def say(text: str) -> None:
    """Progress goes to stderr, so that stdout is the table alone."""
    print(text, file=sys.stderr, flush=True)
