"""What people see: a page that needs nothing but itself, or the user's own."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from datetime import datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastapi_maintenance.responses import Answer, Refuser
from fastapi_maintenance.windows import Opening, Refusal, Response
from tests.unit.making import at

NOW = at("2026-01-01T00:00Z")
END = at("2026-01-01T01:00Z")
AS_BROWSER = [(b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]
XSS = [
    "<script>alert(1)</script>",
    "</p><img src=x onerror=alert(1)>",
    "</title></style></script><svg onload=alert(1)>",
    '"\' onmouseover=\'alert(1)" x="',
    "&lt;script&gt; $until $message ${end} $$ $",
    "<!-- --><meta http-equiv=refresh content=0>",
]


class Read(HTMLParser):
    """The elements of a page with their attributes, and the text of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else "", data))

    def attributes(self, tag: str) -> dict[str, str | None]:
        """Of the first element with this name."""
        return next(attributes for name, attributes in self.elements if name == tag)

    def message(self) -> str:
        """The text of the first paragraph."""
        return next(data for tag, data in self.texts if tag == "p")


def shown(
    message: str = "We are moving.",
    until: datetime | None = END,
    template: str | None = None,
    seconds: int | None = None,
) -> Answer:
    """The answer to a browser."""
    response = Response(message, retry_after_seconds=seconds)
    refusal = Refusal(Opening(response=response, source="window=shop/move"), until)
    return Refuser(html_template=template).answer(refusal, NOW.timestamp(), AS_BROWSER)


def text(answer: Answer) -> str:
    return answer.body.decode()


def policy(answer: Answer) -> str:
    """Its Content-Security-Policy."""
    return dict(answer.headers).get(b"content-security-policy", b"").decode()


def test_the_page_shows_the_message_and_the_end_in_utc() -> None:
    """A script puts the reader's own time in place of it; without scripts it stays."""
    answer = shown("We are moving.")
    assert dict(answer.headers)[b"content-type"] == b"text/html; charset=utf-8"
    page = Read(text(answer))
    assert page.message() == "We are moving."
    assert page.attributes("time")["datetime"] == "2026-01-01T01:00:00Z"
    assert ("time", "2026-01-01 01:00 UTC") in page.texts


def test_an_end_is_shown_in_utc_whatever_zone_it_was_written_in() -> None:
    page = Read(text(shown(until=at("2026-01-01T03:00+02:00"))))
    assert page.attributes("time")["datetime"] == "2026-01-01T01:00:00Z"


@pytest.mark.parametrize(("until", "hidden"), [(END, False), (None, True)])
def test_where_no_end_is_known_none_is_shown(until: datetime | None, hidden: bool) -> None:
    elements = Read(text(shown(until=until))).elements
    (end,) = (attributes for _, attributes in elements if attributes.get("class") == "end")
    assert ("hidden" in end) is hidden


def test_the_page_can_be_read_by_everybody() -> None:
    page = Read(text(shown()))
    assert page.attributes("html")["lang"] == "en"
    tags = [tag for tag, _ in page.elements]
    assert [tags.count(tag) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert any(attributes.get("role") == "status" for _, attributes in page.elements)
    names = [attributes.get("name") for tag, attributes in page.elements if tag == "meta"]
    assert {"viewport", "color-scheme"} <= set(names)


def test_the_page_says_nothing_about_how_things_are_built() -> None:
    page = text(shown()).lower()
    assert [
        word for word in ("fastapi", "python", "window=", "shop/move", "503") if word in page
    ] == []


def test_the_page_is_not_for_search_engines() -> None:
    page = Read(text(shown()))
    assert ("meta", {"name": "robots", "content": "noindex"}) in page.elements


def test_the_page_loads_nothing() -> None:
    for tag, attributes in Read(text(shown())).elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert attributes.keys() & {"src", "href", "srcset", "style"} == set()
    assert re.search(r"https?:|url\(|@import", text(shown())) is None


def test_the_page_may_run_its_own_script_and_style_and_nothing_else() -> None:
    """The hashes are those of what is sent."""
    answer = shown()
    allowed = dict(part.split(" ", 1) for part in policy(answer).split("; "))
    assert allowed.keys() == {
        "default-src", "script-src", "style-src", "base-uri", "form-action"
    }  # fmt: skip
    assert allowed["default-src"] == "'none'"
    for element in ("script", "style"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", text(answer), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert allowed[f"{element}-src"] == f"'sha256-{digest}'"


@pytest.mark.parametrize("message", XSS)
def test_a_message_is_text_whatever_it_says(message: str) -> None:
    page, plain = Read(text(shown(message))), Read(text(shown()))
    assert page.message() == message
    assert page.elements == plain.elements
    assert policy(shown(message)) == policy(shown())


@given(st.text())
def test_no_message_changes_the_page(message: str) -> None:
    assert Read(text(shown(message))).elements == Read(text(shown())).elements


@pytest.mark.parametrize("message", XSS)
def test_a_message_is_text_in_the_users_page_too(message: str) -> None:
    answer = shown(message, template='<p title="$message">$message</p>')
    escaped = html.escape(message)
    assert text(answer) == f'<p title="{escaped}">{escaped}</p>'


@pytest.mark.parametrize(
    ("until", "seconds", "wait"),
    [
        (NOW + timedelta(seconds=90), None, 90),
        (NOW + timedelta(seconds=90), 5, 90),
        (NOW + timedelta(days=40), None, 3600),
        (None, None, 300),
        (None, 120, 120),
        (None, 0, 60),
    ],
)
def test_the_page_looks_again_at_the_end_and_else_now_and_then(
    until: datetime | None, seconds: int | None, wait: int
) -> None:
    """With scripts and without; no reader waits much longer than needed, and no crowd hammers."""
    page = Read(text(shown(until=until, seconds=seconds)))
    assert page.attributes("html")["data-wait"] == str(wait)
    assert ("meta", {"http-equiv": "refresh", "content": str(wait)}) in page.elements
    assert ("noscript", {}) in page.elements


def test_a_users_page_stands_in_for_ours() -> None:
    """With whatever it loads: we can't say what it may."""
    answer = shown("Moving & co.", template="<b>$message</b> ${until} $$5")
    assert text(answer) == "<b>Moving &amp; co.</b> 2026-01-01T01:00:00Z $5"
    assert dict(answer.headers)[b"content-type"] == b"text/html; charset=utf-8"
    assert policy(answer) == ""


def test_in_a_users_page_an_unknown_end_is_empty() -> None:
    assert text(shown(until=None, template="[$until]")) == "[]"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("$message until $end", r"html_template: \$end is not known"),
        ("${wait}", r"html_template: \$wait is not known"),
        ("costs 5$", "html_template: Invalid placeholder in string: line 1, col 8"),
        ("<p>\n$('p').hide()", "html_template: Invalid placeholder in string: line 2, col 1"),
    ],
)
def test_a_template_that_could_fail_is_refused_when_the_gate_is_built(
    template: str, problem: str
) -> None:
    mend = r": known are \$message and \$until, and \$\$ is a dollar sign"
    with pytest.raises(ValueError, match=problem + mend):
        Refuser(html_template=template)
