"""Write docs/reference from the code; `make reference`, and a test says when it is due."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docs.make import crd_fields, metrics, python_api

FOLDER = Path(__file__).parents[1] / "reference"
MADE = "<!-- Made by `make reference` from the code: change that. -->\n\n"
PAGES: dict[str, Callable[[], str]] = {
    "python.md": python_api.page,
    "crds.md": crd_fields.page,
    "metrics.md": metrics.page,
}


def text_of(name: str) -> str:
    """What a page should be."""
    return MADE + PAGES[name]().rstrip() + "\n"


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name in PAGES:
        (FOLDER / name).write_text(text_of(name))


if __name__ == "__main__":
    main()
