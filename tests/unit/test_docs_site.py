"""The site is built without a warning, and asks nobody else for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation import ROOT


def build(folder: Path, config: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    """`make docs`, into a folder."""
    command = [sys.executable, "-m", "mkdocs", "build"]
    return subprocess.run(
        [*command, "--config-file", str(config), "--site-dir", str(folder)],
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
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_on_the_site(site: Path) -> None:
    assert (site / "index.html").exists()
    for page in (ROOT / "docs").rglob("*.md"):
        made = page.relative_to(ROOT / "docs").with_suffix(".html")
        made = made.with_name("index.html") if made.stem == "README" else made
        assert (site / made).exists(), made


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# Here\n\n[There](there.md), [where](#where)\n")
    config = tmp_path / "mkdocs.yml"
    own = f"docs_dir: {tmp_path}/docs\nhooks: []\nnav: [README.md]\n"
    config.write_text(f"INHERIT: {ROOT}/mkdocs.yml\n{own}")
    done = build(tmp_path / "site", config)
    assert done.returncode == 1
    assert "there.md" in done.stderr
    assert "#where" in done.stderr


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """It can be read offline, and tells nobody who reads it."""
    loads = re.compile(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:)?//')
    assert [page.name for page in site.rglob("*.html") if loads.search(page.read_text())] == []


def test_the_navigation_has_each_page_once_by_a_name_of_its_own(site: Path) -> None:
    """A page without a title in mkdocs.yml may be called after its file, such as Cli."""
    shown = (site / "index.html").read_text().partition('class="md-content"')[0]
    linked = (
        r'<a href="([^"#]+)" class="md-nav__link[^>]*>\s*<span class="md-ellipsis">\s*([^<]+?)\s*<'
    )
    pages = re.findall(linked, shown)
    assert len(pages) > 40
    assert len({page for page, _ in pages}) == len({name for _, name in pages}) == len(pages)


def test_an_example_s_page_shows_its_files(site: Path) -> None:
    page = (site / "examples" / "01-local-file" / "index.html").read_text()
    assert "orders-db-upgrade" in page
    assert "LocalFileBackend" in page
