"""The long form: every zone, for two decades, and a closer look at each jump of its clocks.

`make oracle` runs it, for some minutes; what it prints last says whether there was a difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from hypothesis import given, seed, settings
from hypothesis.strategies import SearchStrategy

from .calendar import starts_by_day, starts_by_minute
from .judge import library_starts
from .schedules import schedules, sparse_schedules
from .zones import DECADES, ZONES, jumps_between, local

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Case:
    """A stretch of time in a zone, with what may be scheduled there and how to walk it."""

    zone: str
    begin: datetime
    until: datetime
    schedules: SearchStrategy[str]
    walk: Callable[[str, str, datetime, datetime], list[datetime]]
    examples: int


def cases(zone: str, examples: int) -> Iterator[Case]:
    """Both decades whole, then the days around each jump."""
    for decade in DECADES:
        begin, until = (datetime(year, 1, 1, tzinfo=UTC) for year in decade)
        yield Case(zone, begin, until, sparse_schedules(), starts_by_day, examples)
        for jump in jumps_between(zone, begin, until):
            near = schedules((local(jump - MINUTE, zone), local(jump, zone)))
            yield Case(zone, jump - DAY, jump + DAY, near, starts_by_minute, examples)


def judge(case: Case, random_seed: int, seen: Counter[str]) -> str:
    """What differs, for the simplest schedule that shows it; nothing where all is as walked."""

    @seed(random_seed)
    @settings(max_examples=case.examples, deadline=None, database=None)
    @given(case.schedules)
    def agree(schedule: str) -> None:
        walked = case.walk(schedule, case.zone, case.begin, case.until)
        found = library_starts(schedule, case.zone, case.begin, case.until)
        seen.update(schedules=1, starts=len(walked))
        for ours, theirs in zip_longest(walked, found):
            assert ours == theirs, (
                f"{schedule!r} in {case.zone}: by the walk {ours}, in the library {theirs}"
            )

    try:
        agree()
    except AssertionError as difference:
        return str(difference).splitlines()[0]
    return ""


def main() -> None:
    """Judge, and say what was found; status 1 if there was a difference."""
    given_ = _parser().parse_args()
    print(f"Seed {given_.seed}: the same again with ARGS='--seed {given_.seed}'.", flush=True)
    began, seen, differences = time.monotonic(), Counter[str](), list[str]()
    zones = given_.zone or ZONES
    for number, zone in enumerate(zones, 1):
        found = [judge(case, given_.seed, seen) for case in cases(zone, given_.examples)]
        differences += filter(None, found)
        print(
            f"{number:3} of {len(zones)}  {time.monotonic() - began:5.0f} s  {zone:22} "
            f"{seen['schedules']:,} schedules, {seen['starts']:,} starts so far",
            flush=True,
        )
    for difference in differences:
        print(difference)
    what = f"{len(differences)} differences" if differences else "no difference"
    print(
        f"{len(zones)} zones, {seen['schedules']:,} schedules, {seen['starts']:,} starts: {what}."
    )
    sys.exit(bool(differences))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument(
        "--examples",
        type=int,
        default=12,
        help="schedules for each decade of a zone, and for each jump (default: %(default)s)",
    )
    parser.add_argument(
        "--zone", action="append", help="judge this one alone; may be given again (default: all)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="draw the schedules of that run"
    )
    return parser


if __name__ == "__main__":
    main()
