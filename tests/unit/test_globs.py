"""Names and patterns of apps."""

from __future__ import annotations

from itertools import product

import pytest

from fastapi_maintenance.windows import covers, globs, matches


def test_thousands_of_names_need_no_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change of any window holds all of them against the app's name."""
    monkeypatch.delattr(globs, "_compiled")
    assert not any(matches(f"app-{n}", "orders") for n in range(10_000))
    assert matches("orders", "orders")


@pytest.mark.parametrize("pattern", ["/orders/*", "/orders/**", "/orders/***"])
def test_a_run_of_stars_is_one_star(pattern: str) -> None:
    """Also where the path above is covered, as other tools write it."""
    for path, covered in (("/orders", True), ("/orders/1/2", True), ("/ordersx", False)):
        assert covers((pattern,), path) is covered


def strings(letters: str, longest: int) -> list[str]:
    """All of these letters, the empty one too."""
    return ["".join(each) for n in range(longest + 1) for each in product(letters, repeat=n)]


def test_two_patterns_meet_where_a_text_fits_both() -> None:
    """Beside a look at every short text."""
    texts = strings("ab", 6)
    fitting = {
        pattern: {text for text in texts if matches(pattern, text)} for pattern in strings("ab*", 3)
    }
    for one, other in product(fitting, repeat=2):
        assert globs.meet([one], [other]) is bool(fitting[one] & fitting[other]), (one, other)
