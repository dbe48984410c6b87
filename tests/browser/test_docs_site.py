"""The documentation as a site in a real browser: at two sizes, by day and by night."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import Tab
from tests.browser.test_page import SIZES
from tests.unit.test_docs_site import build

PAGES = ("index", "concepts", "troubleshooting", "benchmarks", "guides/migrate", "reference/cli")
SCHEME = "document.body.dataset.mdColorScheme"
DIAGRAMS = "[...document.querySelectorAll('.md-content img')].map(i => [i.src, i.width])"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder.as_uri()


@pytest.mark.parametrize("size", SIZES)
def test_no_page_is_wider_than_the_screen(tab: Tab, site: str, size: str) -> None:
    """What is too wide, such as a table of many columns, can be moved within its own box."""
    tab.look(*SIZES[size])
    for page in PAGES:
        tab.open(f"{site}/{page}.html")
        assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], page


def test_it_gets_dark_when_the_reader_s_system_does(tab: Tab, site: str) -> None:
    """Also where it was read by day before."""
    for scheme, expected in (("light", "default"), ("dark", "slate")):
        tab.look(*SIZES["phone"], scheme)
        tab.open(f"{site}/index.html")
        assert tab.evaluate(SCHEME) == expected


def test_diagrams_can_be_read_on_a_phone(tab: Tab, site: str) -> None:
    """Their smallest letters are as high as a footnote's: 9 pixels, from line to line."""
    tab.look(*SIZES["phone"])
    tab.open(f"{site}/concepts.html")
    diagrams = tab.evaluate(DIAGRAMS)
    assert len(diagrams) == 2
    for source, width in diagrams:
        drawn = Path(urlsplit(source).path).read_text()
        smallest = min(float(size) for size in re.findall(r"font-size[:=]\W*(\d+)", drawn))
        whole = float(re.findall(r'viewBox="0 0 (\d+)', drawn)[0])
        assert smallest * width / whole >= 9, source
