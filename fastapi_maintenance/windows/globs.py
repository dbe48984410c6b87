"""Patterns, once for all: ``*`` is any run of characters, ``/`` included; case counts."""

from __future__ import annotations

import functools
import re


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern covers a text whole."""
    return _compiled((pattern,)).fullmatch(text) is not None


def covers(patterns: tuple[str, ...], path: str) -> bool:
    """Whether one of the patterns covers a path; ``/api/*`` covers ``/api`` as well."""
    return _compiled(patterns, of_paths=True).fullmatch(path) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(patterns: tuple[str, ...], *, of_paths: bool = False) -> re.Pattern[str]:
    """One expression for all, since a path is held against all of them."""
    given = list(patterns)
    if of_paths:
        given += [pattern[:-2] for pattern in patterns if pattern.endswith("/*")]
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in given), re.DOTALL)


def _expression(pattern: str) -> str:
    return ".*".join(re.escape(part) for part in re.split(r"\*+", pattern))
