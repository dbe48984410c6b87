"""The site is built without a warning, and asks nobody else for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation import ROOT


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """`make docs`, into a folder."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


def test_every_page_and_link_of_the_site_is_there(site: Path) -> None:
    """The build itself fails on a link or an anchor that leads nowhere."""
    assert (site / "index.html").exists()
    for page in (ROOT / "docs").rglob("*.md"):
        made = page.relative_to(ROOT / "docs").with_suffix(".html")
        made = made.with_name("index.html") if made.stem == "README" else made
        assert (site / made).exists(), made


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """It can be read offline, and tells nobody who reads it."""
    loads = re.compile(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:)?//')
    assert [page.name for page in site.rglob("*.html") if loads.search(page.read_text())] == []


def test_an_example_s_page_shows_its_files(site: Path) -> None:
    page = (site / "examples" / "01-local-file" / "index.html").read_text()
    assert "orders-db-upgrade" in page
    assert "LocalFileBackend" in page
