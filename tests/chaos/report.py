"""What a run is told of in: figures, and how to see it again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.run import Outcome, Result

SHOWN = 5


def report(result: Result) -> str:
    """Markdown."""
    kinds = Counter(f"{each.subject} {each.kind}" for each in result.happened)
    rows = [
        "| application | requests | failed | wrong | certain | longest lag, s | "
        "lists and watches a minute | allowed | obeyed after all, s |",
        "|---" * 9 + "|",
        *(_row(outcome, result.seconds / 60) for outcome in result.outcomes),
    ]
    return "\n".join(
        [
            *rows,
            "",
            f"{result.writes} writes, {len(result.happened)} faults: "
            + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            + ".",
            *_examples(result),
            f"Seed {result.seed}. The same again: make chaos "
            f"ARGS='--seed {result.seed} --minutes {result.seconds / 60:g}'",
        ]
    )


def _row(outcome: Outcome, minutes: float) -> str:
    judgement = outcome.judgement
    cells = (
        outcome.kind.name,
        f"{outcome.requests:,}",
        f"{len(outcome.failures)}",
        f"{len(judgement.wrong)}",
        f"{judgement.certain / max(1, outcome.requests):.0%}",
        "-" if outcome.kind.planned else f"{judgement.stalest:.2f}",
        f"{outcome.asked / minutes:.1f}",
        f"{outcome.allowed / minutes:.1f}",
        f"{outcome.converged:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def _examples(result: Result) -> list[str]:
    found = []
    for outcome in result.outcomes:
        found += [f"{outcome.kind.name}: failed: {each}" for each in outcome.failures[:SHOWN]]
        found += [f"{outcome.kind.name}: wrong: {each}" for each in outcome.judgement.wrong[:SHOWN]]
    return found
