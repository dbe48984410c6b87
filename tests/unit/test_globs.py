"""Patterns of apps and paths: what they cover, and what they cost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastapi_maintenance.windows import covers, matches


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("/api", "/api", True),
        ("/api", "/api/", False),
        ("/api/*", "/api", True),
        ("/api/*", "/api/v1/orders", True),
        ("/api/*", "/apis", False),
        ("/api*", "/apis", True),
        ("*/export", "/a/b/export", True),
        ("*/export", "/a/export/b", False),
        ("/a*b*c", "/a-b-b-c", True),
        ("/a*b*c", "/a-c-b", False),
        ("/a*a", "/a", False),
        ("/a*a", "/aa", True),
        ("/*ab*b", "/aab", False),
        ("/*ab*b", "/aabab", True),
        ("*", "/", True),
        ("/a.b", "/axb", False),
        ("/a\n*", "/a\nb\nc", True),
        ("/API", "/api", False),
    ],
)
def test_a_star_is_any_run_of_characters(pattern: str, path: str, covered: bool) -> None:
    assert covers((pattern,), path) is covered


def test_one_of_several_patterns_is_enough() -> None:
    assert covers(("/x*y", "/a*b"), "/a-b")
    assert not covers(("/x*y", "/a*b"), "/x-b")


def plainly(pattern: str, text: str) -> bool:
    """The definition: a star takes nothing, or one character and is still there."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return plainly(pattern[1:], text) or (bool(text) and plainly(pattern, text[1:]))
    return text[:1] == pattern[0] and plainly(pattern[1:], text[1:])


@given(st.text("ab*/", max_size=7), st.text("ab/", max_size=9))
def test_a_pattern_covers_what_its_definition_says(pattern: str, text: str) -> None:
    assert matches(pattern, text) is plainly(pattern, text)


def least(pattern: str, path: str) -> float:
    """Processor time of one look, the least of some."""

    def once() -> float:
        begin = time.process_time_ns()
        for _ in range(50):
            assert not covers((pattern,), path)
        return time.process_time_ns() - begin

    return min(once() for _ in range(5))


@pytest.mark.parametrize("pattern", ["/*a*a*a*a*a*a*b", "*" + "/*x" * 60, "/*a*b*a*b*a*c"])
def test_a_path_that_is_longer_costs_as_much_more_at_most(pattern: str) -> None:
    """With a cube of the length, as backtracking has it at least, this would be 4,096."""
    assert least(pattern, "/" + "a" * 4800) < 16 * 16 * max(least(pattern, "/" + "a" * 300), 1)
