"""The reference says what the code says."""

from __future__ import annotations

import pytest

from docs.make.reference import FOLDER, PAGES, text_of
from tests.documentation import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_makes_of_it(name: str) -> None:
    assert (FOLDER / name).read_text() == text_of(name), "run: make reference"


def test_every_metric_of_the_design_stands_in_the_operator_s_page_too() -> None:
    """That page tells what they mean; the made one which there are."""
    told = (ROOT / "docs" / "operator.md").read_text()
    made = (FOLDER / "metrics.md").read_text().partition("## Applications")[0]
    names = [line.split("`")[1] for line in made.splitlines() if line.startswith("| `")]
    assert [name for name in names if f"`{name}`" not in told] == []
    assert len(names) >= 9
