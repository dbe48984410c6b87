"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PLACES = ("*.md", "docs/**/*.md", "examples/**/*.md", "charts/*/*.md")
PAGES = sorted(page for place in _PLACES for page in ROOT.glob(place))
_BLOCK = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """All blocks in one of these languages, in the order of pages and lines."""
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[2], dedented(found[3], found[1]))
        for page in PAGES
        for text in [page.read_text()]
        for found in _BLOCK.finditer(text)
        if found[2] in languages
    ]


def spoken_commands(*names: str) -> list[Block]:
    """What a text or a table names in backquotes, if it is a command of one of these names."""
    span = re.compile(rf"`((?:{'|'.join(names)}) [^`]+)`")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, "sh", " ".join(found[1].split()))
        for page in PAGES
        for text in [_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), page.read_text())]
        for found in span.finditer(text)
    ]


def dedented(text: str, indent: str) -> str:
    """A block that stands in a list, as if it stood alone."""
    return re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
