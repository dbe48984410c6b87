"""Write docs/reference from the code; `make reference`, and a test says when it is due."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from docs.make import cli, crd_fields, metrics, python_api

FOLDER = Path(__file__).parents[1] / "reference"
MADE = "<!-- Made by `make reference` from the code: change that. -->\n\n"
PAGES: dict[str, Callable[[], str]] = {
    "python.md": python_api.page,
    "crds.md": crd_fields.page,
    "metrics.md": metrics.page,
    "cli.md": cli.page,
}


def text_of(name: str) -> str:
    """What a page should be."""
    return MADE + PAGES[name]().rstrip() + "\n"


def main() -> None:
    """Write them all; with ``--check`` say which are not current."""
    if sys.argv[1:] == ["--check"]:
        old = [name for name in PAGES if (FOLDER / name).read_text() != text_of(name)]
        sys.exit(f"docs/reference/{old[0]} is not what the code says: make reference" if old else 0)
    FOLDER.mkdir(exist_ok=True)
    for name in PAGES:
        (FOLDER / name).write_text(text_of(name))


if __name__ == "__main__":
    main()
