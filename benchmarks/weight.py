"""What following windows adds to an application: time to import, memory, and memory later.

Each figure is of fresh interpreters that have imported FastAPI and made an application: with our
package, until it follows windows over TLS as in a Pod, and without it. Then one is told of events
by the ten thousand, and weighed again and again.

Run it with `make bench-weight`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .environments import clean_environ
from .shop import load, say
from .workers import answer_of, start

MEBIBYTES_GOAL, MILLISECONDS_GOAL, GROWTH_GOAL = 10.0, 80.0, 0.01
WARM = (1_000, 9_000)
"""Events before growth counts, weighed too: what is made once is not growth."""


@dataclass(frozen=True)
class Weighed:
    """An interpreter."""

    milliseconds: float
    resident: int


@dataclass
class Measured:
    """All interpreters, and what became of one."""

    bare: list[Weighed]
    again: list[Weighed]
    ours: list[Weighed]
    growth: list[tuple[int, int]]
    """Events taken, and bytes resident then."""


class Teller:
    """The server that stands for an API server."""

    def __init__(self, folder: Path) -> None:
        (folder / "namespace").write_text("shop")
        (folder / "token").write_text("secret")
        self._process = start("teller", str(folder), env=clean_environ())
        assert self._process.stdout is not None
        self.port = self._process.stdout.readline().strip()

    def tell(self, events: int) -> None:
        """Send so many events; returns when they are sent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(events, file=self._process.stdin, flush=True)
        self._process.stdout.readline()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def measure(interpreters: int, events: int, steps: int) -> Measured:
    """In turn, so that what the machine does meanwhile meets all."""
    measured = Measured([], [], [], [])
    with _teller() as (teller, folder):
        _weigh(teller, folder)  # compiles what is not compiled yet, and does not count
        for number in range(interpreters):
            say(f"Interpreter {number + 1} of {interpreters} …")
            measured.bare.append(_weigh(teller, None))
            measured.ours.append(_weigh(teller, folder))
            measured.again.append(_weigh(teller, None))
    with _teller() as (teller, folder):
        measured.growth = _grow(teller, folder, events, steps)
    return measured


@contextlib.contextmanager
def _teller() -> Iterator[tuple[Teller, Path]]:
    with tempfile.TemporaryDirectory() as name:
        teller = Teller(Path(name))
        try:
            yield teller, Path(name)
        finally:
            teller.close()


def _weigh(teller: Teller, folder: Path | None) -> Weighed:
    with _application(teller, folder) as application:
        told = answer_of(application)
    return Weighed(told["milliseconds"], told["resident"])


def _grow(teller: Teller, folder: Path, events: int, steps: int) -> list[tuple[int, int]]:
    found = []
    with _application(teller, folder) as application:
        answer_of(application)
        total = 0
        for more in [*WARM, *[events // steps] * steps]:
            total += more
            teller.tell(more)
            found.append(_weigh_after(application, total))
            say(f"{total:,} events: {found[-1][1] / 2**20:.2f} MiB")
    return found


def _weigh_after(application: subprocess.Popen[str], events: int) -> tuple[int, int]:
    assert application.stdin is not None
    print(events, file=application.stdin, flush=True)
    told = answer_of(application)
    return told["events"], told["resident"]


@contextlib.contextmanager
def _application(teller: Teller, folder: Path | None) -> Iterator[subprocess.Popen[str]]:
    where = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": teller.port}
    words = [str(folder)] if folder else []
    process = start("weighed", *words, env=clean_environ() | where)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def report(measured: Measured) -> str:
    """Two tables."""
    bare, again, ours = (
        statistics.median(each.resident for each in weighed) / 2**20
        for weighed in (measured.bare, measured.again, measured.ours)
    )
    milliseconds = statistics.median(each.milliseconds for each in measured.ours)
    (first, before), (last, after) = measured.growth[len(WARM) - 1], measured.growth[-1]
    growth = after / before - 1
    rows = [
        "| over an application that has imported FastAPI | measured | goal |",
        "|---|---|---|",
        f"| import, ms | {_judged(milliseconds, MILLISECONDS_GOAL, '.1f')} |",
        f"| memory of a process that follows windows, MiB | "
        f"{_judged(ours - bare, MEBIBYTES_GOAL, '.2f')} |",
        f"| memory without our package, again, MiB | {again - bare:+.2f} | - |",
        f"| growth of all its memory from {first:,} to {last:,} events | "
        f"{_judged(growth, GROWTH_GOAL, '.2%')} |",
    ]
    course = ", ".join(f"{size / 2**20:.2f}" for _, size in measured.growth)
    return "\n".join(
        [
            *rows,
            "",
            f"{len(measured.ours)} interpreters of each kind; without our package one takes "
            f"{bare:.1f} MiB. MiB after {measured.growth[0][0]:,}, {first:,} and so on: {course}.",
        ]
    )


def _judged(value: float, goal: float, form: str) -> str:
    return f"{value:{form}} {'✓' if value <= goal else '✗'} | ≤ {goal:{form}}"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.weight",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--interpreters", type=int, default=11, help="of each kind (default: %(default)s)"
    )
    parser.add_argument(
        "--events", type=int, default=100_000, help="told of to one (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=10, help="weighings on the way (default: %(default)s)"
    )
    given = parser.parse_args()
    before = load()
    print(report(measure(given.interpreters, given.events, given.steps)))
    print(f"Before: {before}; after: {load()}.")


if __name__ == "__main__":
    main()
