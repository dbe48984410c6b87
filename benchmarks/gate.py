"""What the gate costs a request: beside the bare application, in one run, as ratios.

An application is called in its own process, without a server: the smaller what is around it, the
larger what the gate adds. Others are measured beside ours, each against a bare application of its
own environment, which is made by pip in the user's cache folder when it is first needed.

Run it with `make bench-gate`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import platform
from dataclasses import dataclass

from .environments import Environment, here, others
from .imports import Imports, measure_imports
from .report import imports_table, requests_table
from .subjects.shapes import FLAT, NESTED, ONE, STREAM, Shape
from .workers import Rows, Sampling, Worker, say, take_rounds

GROUPS = {
    "off": "our gate lets pass, by each backend",
    "on": "our gate refuses",
    "streaming": "our gate lets a long stream pass",
    "others": "fastapi-maintenance 0.0.5, waygate, BaseHTTPMiddleware",
    "import": "time and memory of importing the middleware",
}


@dataclass(frozen=True)
class Plan:
    """What to measure, and how long."""

    groups: frozenset[str]
    routes: int
    launches: int
    sampling: Sampling
    """Of one launch."""
    interpreters: int


def measure(plan: Plan) -> dict[Shape, Rows]:
    """All that was asked for about requests, by shape.

    Workers are launched several times, since addresses and the order of hashes, which a process
    keeps for its life, make some percent.
    """
    kinds = (ONE, FLAT, NESTED, STREAM)
    shapes = [shape for kind in kinds if _wanted(plan, shape := Shape(kind, plan.routes))]
    measured: dict[Shape, Rows] = {shape: {} for shape in shapes}
    for launch in range(plan.launches):
        for shape in shapes:
            say(f"Launch {launch + 1} of {plan.launches}: {shape.title.replace('`', '')} …")
            _measure_shape(plan, shape, launch, measured[shape])
    return measured


def _measure_shape(plan: Plan, shape: Shape, launch: int, rows: Rows) -> None:
    kinds = _wanted(plan, shape)
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(environment, shape, kinds, plan.sampling.warm_up_ms, launch))
            for environment in _environments(plan)
        ]
        for worker in workers:
            worker.wait_until_ready()
        take_rounds(workers, plan.sampling, rows)


def _environments(plan: Plan) -> list[Environment]:
    return [here(), *(others() if "others" in plan.groups else [])]


def _wanted(plan: Plan, shape: Shape) -> list[str]:
    """What of the groups a shape is measured for, in the words of the workers."""
    if shape.kind == STREAM:
        kinds = ["off"] if "streaming" in plan.groups else []
    else:
        kinds = [kind for kind in ("off", "on") if kind in plan.groups]
    return [*kinds, "others"] if "others" in plan.groups else kinds


def _measure_imports(plan: Plan) -> list[Imports]:
    say(f"Importing in {plan.interpreters} fresh interpreters …")
    holding = [e for e in _environments(plan) if not e.factory.endswith(":waygate")]
    return measure_imports([(e.title, e.python()) for e in holding], plan.interpreters)


def main() -> None:
    """Measure, print."""
    plan = _plan(_parser().parse_args())
    for environment in _environments(plan):
        environment.python()
    tables = []
    if measured := measure(plan):
        tables.append(requests_table(measured))
    if "import" in plan.groups:
        tables.append(imports_table(_measure_imports(plan)))
    print(f"Python {platform.python_version()}, FastAPI {here().fastapi}:\n")
    print("\n\n".join(tables))


def _plan(given: argparse.Namespace) -> Plan:
    groups = frozenset(given.only or GROUPS)
    if given.short:
        sampling = Sampling(rounds=1, milliseconds=1.0, slices=1, warm_up_ms=1)
        return Plan(groups - {"others"}, 3, launches=1, sampling=sampling, interpreters=1)
    rounds = math.ceil(given.rounds / given.launches)
    sampling = Sampling(rounds=rounds, calls=given.calls)
    return Plan(groups, given.routes, given.launches, sampling, interpreters=21)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate",
        description=__doc__,
        epilog="groups: " + "; ".join(f"{name}: {about}" for name, about in GROUPS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rounds",
        type=_positive,
        default=60,
        help="samples of each subject; a ratio is the median of as many (default: %(default)s)",
    )
    parser.add_argument(
        "--launches",
        type=_positive,
        default=6,
        help="times that the worker processes are started, for a share of the rounds each "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--calls",
        type=_positive,
        help="requests in a sample (default: as many as take 20 ms, counted for each subject)",
    )
    parser.add_argument(
        "--routes",
        type=_positive,
        default=200,
        help="routes of the applications that have many (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        metavar="GROUP",
        action="append",
        choices=GROUPS,
        help=f"measure this alone, may be given again: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="some seconds, without others' packages: shows that all runs, measures nothing well",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    main()
