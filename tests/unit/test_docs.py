"""The documentation's Python runs as it stands, its manifests are valid, its links lead on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fastapi_maintenance.windows import load_documents
from tests.documentation import PAGES, ROOT, Block, blocks

PYTHON = blocks("python")
YAML = blocks("yaml")
OURS = re.compile(r"^kind: (Cluster)?MaintenanceWindow$", re.MULTILINE)


@pytest.mark.usefixtures("no_other_middlewares")
@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_in_the_documentation_runs(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block's own tests run, too."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(block.text, str(block), "exec", dont_inherit=True), names)
    tests: list[Callable[[], None]] = [
        value for name, value in names.items() if name.startswith("test_")
    ]
    for test in tests:
        test()


@pytest.mark.parametrize("block", YAML, ids=str)
def test_manifests_in_the_documentation_are_valid(block: Block) -> None:
    """Windows as the application reads them; whatever else it is, it is YAML."""
    for document in yaml.safe_load_all(block.text):
        if OURS.search(yaml.safe_dump(document)):
            load_documents(yaml.safe_dump(document))


def test_there_is_something_to_look_at() -> None:
    assert len(PYTHON) >= 10
    assert len([block for block in YAML if OURS.search(block.text)]) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_documentation_lead_somewhere(page: Path) -> None:
    """A test of the site looks at anchors; this one at pages that are read in the repository."""
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
