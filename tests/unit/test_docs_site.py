"""The site is built without a warning, and asks nobody else for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.documentation import ROOT

Done = subprocess.CompletedProcess[str]


def build(folder: Path, config: Path = ROOT / "mkdocs.yml", **variables: str) -> Done:
    """`make docs`, into a folder; with CHECK_LINKS it is `make links`."""
    command = [sys.executable, "-m", "mkdocs", "build"]
    return subprocess.run(
        [*command, "--config-file", str(config), "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"} | variables,
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


def one_page(folder: Path, text: str) -> Path:
    """The settings of a site that has only this page."""
    (folder / "docs").mkdir()
    (folder / "docs" / "README.md").write_text(text)
    config = folder / "mkdocs.yml"
    own = f"docs_dir: {folder}/docs\nhooks: []\nnav: [README.md]\n"
    config.write_text(f"INHERIT: {ROOT}/mkdocs.yml\n{own}")
    return config


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    config = one_page(tmp_path, "# Here\n\n[There](there.md), [where](#where)\n")
    done = build(tmp_path / "site", config)
    assert done.returncode == 1
    assert "there.md" in done.stderr
    assert "#where" in done.stderr


class OnePage(BaseHTTPRequestHandler):
    """Another site, which has lost all but one page."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_a_link_to_a_page_of_elsewhere_that_has_gone_fails_only_the_check_of_links(
    tmp_path: Path,
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OnePage) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            # Written so, since the plugin asks nobody whom it knows to be this machine.
            site = f"http://127.1:{server.server_port}"
            config = one_page(tmp_path, f"# Here\n\n[There]({site}/there), [gone]({site}/gone)\n")
            unasked = build(tmp_path / "site", config)
            asked = build(tmp_path / "site", config, CHECK_LINKS="true")
        finally:
            server.shutdown()
    assert unasked.returncode == 0, unasked.stderr
    assert asked.returncode == 1
    assert f"{site}/gone [404]" in asked.stderr
    assert f"{site}/there" not in asked.stderr


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
