"""What the documentation says that the software says, it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documentation import ROOT, Block, blocks

SPOKEN = ["fastapi_maintenance/**/*.py", "operator/**/*.py"]
VARIES = "…"
PLACEHOLDER = re.compile(r"%(?:\.\d)?[a-z]")
QUOTES = [(block, line) for block in blocks("log") for line in block.text.splitlines() if line]


@cache
def spoken() -> tuple[str, ...]:
    """Every text in the source, with an ellipsis for each value that is put in."""
    found = [text for place in SPOKEN for path in ROOT.glob(place) for text in texts(path)]
    crds = [" ".join(path.read_text().split()) for path in (ROOT / "crds").glob("*.yaml")]
    return (*found, *crds)


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield PLACEHOLDER.sub(VARIES, node.value)
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else VARIES
                for part in node.values
            )


def fixed_parts(line: str) -> list[str]:
    """What does not vary, where it is long enough to be somebody's own words."""
    parts = [part.strip(" ,;:()[]") for part in line.split(VARIES)]
    return [part for part in parts if len(part) > 6]


@pytest.mark.parametrize(("block", "line"), QUOTES, ids=lambda value: str(value)[:60])
def test_each_quoted_line_is_in_the_source(block: Block, line: str) -> None:
    """A line may be put together from several texts, at an ellipsis or at a semicolon."""
    parts = fixed_parts(line)
    assert parts, f"{block}: nothing of {line!r} is fixed"
    for part in parts:
        for words in [part] if said(part) else part.split("; "):
            assert said(words), f"{block}: nobody says {words!r}"


def said(words: str) -> bool:
    return any(words in text for text in spoken())


def test_what_nobody_says_is_noticed() -> None:
    assert len(QUOTES) > 30
    assert not said("this process reports what it forces again")
