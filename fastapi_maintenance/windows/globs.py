"""Patterns, once for all: ``*`` is any run of characters, ``/`` included; case counts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from itertools import product

_STARS = re.compile(r"\*+")


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern covers a text whole."""
    if "*" not in pattern:  # of thousands of apps nearly all, and expressions are dear to make
        return pattern == text
    return _compiled((pattern,)).fullmatch(text) is not None


def covers(patterns: tuple[str, ...], path: str) -> bool:
    """Whether one of the patterns covers a path; ``/api/*`` covers ``/api`` as well."""
    return _compiled(patterns, of_paths=True).fullmatch(path) is not None


def meet(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Whether there is a text that a pattern of each covers."""
    return any(_meet(one, other) for one, other in product(ones, others))


def _meet(one: str, other: str) -> bool:
    """Of two with stars a text need only begin and end as both say: stars take what is between."""
    if "*" not in one or "*" not in other:
        return matches(one, other) or matches(other, one)
    head, its_head = one.partition("*")[0], other.partition("*")[0]
    tail, its_tail = one.rpartition("*")[2], other.rpartition("*")[2]
    return (head.startswith(its_head) or its_head.startswith(head)) and (
        tail.endswith(its_tail) or its_tail.endswith(tail)
    )


@functools.lru_cache(maxsize=1024)
def _compiled(patterns: tuple[str, ...], *, of_paths: bool = False) -> re.Pattern[str]:
    """One expression for all, since a path is held against all of them."""
    given = [_STARS.sub("*", pattern) for pattern in patterns]
    if of_paths:
        given += [pattern[:-2] for pattern in given if pattern.endswith("/*")]
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in given), re.DOTALL)


def _expression(pattern: str) -> str:
    """Where each part but the last is found first is as good as anywhere else.

    So that is never tried again (an atomic group), or a few stars would take a long path for ever.
    """
    first, *parts = (re.escape(part) for part in pattern.split("*"))
    if not parts:
        return first
    *between, last = parts
    return first + "".join(f"(?>.*?{part})" for part in between) + ".*" + last
