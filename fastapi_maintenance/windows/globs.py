"""Patterns, once for all: ``*`` is any run of characters, ``/`` included; case counts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern covers a text whole."""
    return _compiled(pattern).fullmatch(text) is not None


def covers(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns covers a path; ``/api/*`` covers ``/api`` as well."""
    return any(
        matches(pattern, path) or (pattern.endswith("/*") and matches(pattern[:-2], path))
        for pattern in patterns
    )


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in re.split(r"\*+", pattern))
    return re.compile(".*".join(parts), re.DOTALL)
