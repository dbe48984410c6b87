"""The command line: `python -m tests.chaos`, from the checkout."""

from __future__ import annotations

import argparse
import random
import sys

from benchmarks.shop import account, load, running_cluster, say
from tests.chaos.plan import LONG, SHORT, draw_faults
from tests.chaos.report import report
from tests.chaos.run import run
from tests.controlplane.install import start_operator


def main() -> int:
    """Run, print; the exit code is 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="faults and writes follow from it alone")
    parser.add_argument("--minutes", type=float, default=10.0, help="(default: %(default)g)")
    parser.add_argument(
        "--brisk",
        action="store_true",
        help="applications with shorter patience, as in CI; implied below 2.5 minutes",
    )
    parser.add_argument("--show", action="store_true", help="print the faults, and do nothing")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    seconds = given.minutes * 60
    manner = SHORT if given.brisk or given.minutes < 2.5 else LONG
    for fault in draw_faults(seed, seconds, manner):
        say(str(fault))
    if given.show:
        return 0
    say(f"seed {seed}, {given.minutes:g} minutes …")
    before = load()
    with running_cluster() as cluster:
        identity = account(cluster, "chaos")
        operator = start_operator(cluster)
        try:
            result = run(identity, operator, seed, seconds, manner)
        finally:
            operator.kill()
    print(report(result))
    print(f"Before: {before}; after: {load()}.")
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
