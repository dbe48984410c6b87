"""The page in a real browser: at two sizes, light and dark, live, and without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Tab
from tests.browser.conftest import Site
from tests.browser.install import folder
from tests.unit.paged import observed
from tests.waiting import wait_for

SIZES = {"desk": (1200, 800), "phone": (390, 844)}
TEXT = "document.body.innerText"


def shows(tab: Tab, text: str, *, timeout: float = 30) -> None:
    """Wait until a text is on the page."""
    wait_for(lambda: text in tab.evaluate(TEXT), timeout, what=f"{text!r} on the page")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_is_accessible_and_fits(
    tab: Tab, site: Site, size: str, scheme: str, tmp_path: Path
) -> None:
    """By axe-core's rules (WCAG 2.2 AA and best practices), contrasts included; no line is too
    long for the window, and the browser has nothing to complain of."""
    tab.look(*SIZES[size], scheme)
    tab.open(site.address)
    shows(tab, "orders-db-upgrade")
    tab.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000
    tab.evaluate((folder() / "axe.min.js").read_text())
    assert violations(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert tab.complaints == []


def test_what_is_not_accessible_would_be_found(tab: Tab, site: Site) -> None:
    tab.look(*SIZES["desk"])
    tab.open(site.address)
    tab.evaluate((folder() / "axe.min.js").read_text())
    tab.evaluate("document.querySelector('#stand').setAttribute('class', 'sign')")
    tab.evaluate("document.documentElement.removeAttribute('lang')")
    tab.evaluate("document.querySelector('label').replaceWith(document.querySelector('select'))")
    assert {"html-has-lang", "select-name"} <= {found["id"] for found in violations(tab)}


def violations(tab: Tab) -> list[Any]:
    """What axe-core finds, each rule with the elements that break it."""
    found: list[Any] = tab.evaluate(
        "axe.run().then(r => r.violations.map(v => ({id: v.id, at: v.nodes.map(n => n.html)})))"
    )
    return found


def test_it_follows_what_happens_without_being_loaded_anew(tab: Tab, site: Site) -> None:
    """And leaves the focus and what the reader has marked where they are."""
    tab.look(*SIZES["desk"])
    tab.open(site.address)
    tab.evaluate("window.same = document; document.querySelector('button').focus()")
    site.windows.append(observed("hotfix", apps=["stock"], start="2026-03-27T02:00:00Z"))
    shows(tab, "hotfix")
    site.windows.pop()
    wait_for(lambda: "hotfix" not in tab.evaluate(TEXT), what="the page without it")
    assert tab.evaluate("window.same === document && document.activeElement.type") == "submit"
    assert tab.complaints == []


def test_times_are_those_of_the_readers_clock(tab: Tab, site: Site) -> None:
    tab.look(*SIZES["desk"], zone="Asia/Tokyo")
    tab.open(site.address)
    shows(tab, "Friday 27 March, 11:14:07, Asia/Tokyo")
    tab.open(f"{site.address}?zone=America/New_York")
    shows(tab, "Thursday 26 March, 22:14:07, America/New_York")


def test_without_javascript_it_shows_the_same_and_asks_again(tab: Tab, site: Site) -> None:
    tab.look(*SIZES["phone"])
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.call("Page.navigate", url=site.address)

    def texts(selector: str) -> list[str]:
        root = tab.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
        nodes = tab.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
        return [tab.call("DOM.getOuterHTML", nodeId=node)["outerHTML"] for node in nodes]

    wait_for(lambda: len(texts("article")) == 2, what="two open windows")
    # It asks again between two looks, which makes all nodes others.
    wait_for(lambda: texts("head noscript meta[http-equiv=refresh]"), what="that it asks again")


def test_a_reader_is_told_when_nobody_answers_and_when_somebody_does_again(
    tab: Tab, site: Site
) -> None:
    """Also when it is a standby that answers."""
    tab.look(*SIZES["desk"])
    tab.open(site.address)
    shows(tab, "orders-db-upgrade")
    site.leads = False
    shows(tab, "The operator does not answer")
    assert "orders-db-upgrade" in tab.evaluate(TEXT)
    site.leads = True
    wait_for(lambda: "does not answer" not in tab.evaluate(TEXT), what="the notice to go")


def test_a_standby_leads_on_to_the_page(tab: Tab, site: Site) -> None:
    site.leads = False
    tab.look(*SIZES["phone"])
    tab.open(site.address)
    shows(tab, "stands by")
    site.leads = True
    shows(tab, "orders-db-upgrade")


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(tab: Tab, site: Site) -> None:
    tab.look(*SIZES["desk"])
    tab.open(site.address)
    reached = []
    for _ in range(4):
        tab.press("Tab")
        reached.append(tab.evaluate("document.activeElement.tagName"))
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["SELECT", "INPUT", "BUTTON", "A"]


def test_what_users_write_is_text_to_a_browser(tab: Tab, site: Site) -> None:
    attack = "<img src=x onerror='hacked=1'><script>hacked=1</script>"
    start = "2026-03-27T02:00:00Z"
    site.windows[:] = [observed("w", start=start, response={"message": attack}, description=attack)]
    tab.look(*SIZES["desk"])
    tab.open(site.address)
    shows(tab, attack)
    assert tab.evaluate("typeof hacked") == "undefined"
    assert tab.complaints == []
