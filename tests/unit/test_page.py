"""What the operator's page says: pure functions from what is in memory to a document."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from fastapi_maintenance.windows.explain import Cause
from fastapi_maintenance_operator.page.document import POLICY, SCRIPT, render_page, render_standby
from fastapi_maintenance_operator.page.elements import document, element
from fastapi_maintenance_operator.page.model import MOST_ENTRIES, MOST_ROWS, Wish, make_page
from fastapi_maintenance_operator.page.replicas import Doing
from fastapi_maintenance_operator.page.rows import MOST_SPANS, Kind
from fastapi_maintenance_operator.page.timeline import timeline
from fastapi_maintenance_operator.page.words import age, length
from tests.hostile import HOSTILE
from tests.unit.making import at
from tests.unit.paged import NOW, a_shop, conditions, observed, page_of, process, word

START, END = "2026-03-27T02:00:00Z", "2026-03-27T04:00:00Z"
NIGHTLY: dict[str, Any] = {"schedule": "0 2 * * *", "timeZone": "Etc/UTC", "duration": "1h"}


def spans(name: str = "w", /, **spec: Any) -> list[tuple[Kind, str]]:
    """Kind and start of what is drawn of a window."""
    (row,) = page_of(observed(name, **spec)).rows
    return [(span.kind, f"{span.start:%d %H:%M}") for span in row.spans]


def doing(*words: Any, ago: float = 3, **spec: Any) -> Doing:
    """What a process does while the window `w` is open."""
    given = observed("w", start=START, end=END, **spec)
    said = [word(given, START, **each) for each in words]
    (replica,) = page_of(
        given, processes=[("shop", process("orders", "o-1", *said, ago=ago))]
    ).replicas
    return replica.doing


# What is open


def test_a_window_is_open_by_the_pages_own_clock_whatever_the_status_says() -> None:
    page = page_of(observed("w", start=START, end=END), observed("later", start=END))
    assert [opened.window.name for opened in page.opened] == ["w"]
    assert page.following is not None
    assert page.following[0].name == "later"


def test_what_was_proven_is_told_and_unknown_where_the_status_is_about_something_else() -> None:
    proven = conditions(("True", "all refuse"), ("False", "one runs"))
    (told,) = page_of(observed("w", status=proven, start=START)).opened
    assert (told.enforced.status, told.drained.message) == ("True", "one runs")
    for change in ({"reason": "NotActive"}, {"observedGeneration": 0}):
        stale = {"conditions": [{**each, **change} for each in proven["conditions"]]}
        (told,) = page_of(observed("w", status=stale, start=START)).opened
        assert (told.enforced.status, told.drained.status) == ("Unknown", "Unknown")


def test_what_somebody_waits_for_comes_first() -> None:
    page = make_page(*a_shop(), NOW)
    assert [o.window.name for o in page.opened] == ["orders-db-upgrade", "nightly-reports"]
    held = [replica.name for replica in page.opened[0].held_by]
    assert held == ["invoices-5c8b-lq7zn", "orders-7d9f-x2x4q"]


def test_a_namespace_is_told_of_alone_and_all_are_named() -> None:
    page = make_page(*a_shop(), NOW, Wish(namespace="bank"))
    assert {row.window.namespace for row in page.rows} == {"bank"}
    assert {replica.namespace for replica in page.replicas} == {"bank"}
    assert page.namespaces == ("bank", "shop")


def test_windows_without_effect_are_named_with_the_reason() -> None:
    said = {broken.name: broken.why for broken in make_page(*a_shop(), NOW).broken}
    assert said["mistyped"].startswith("is invalid at spec.mood")
    assert said["paused"] == "is suspended (spec.suspend)"


# The coming days


def test_days_begin_at_midnight_of_the_zone_also_when_clocks_change() -> None:
    days = page_of(zone="Europe/Berlin").days
    assert [day.hour for day in days] == [0] * 8
    lengths = [(b.timestamp() - a.timestamp()) / 3600 for a, b in pairwise(days)]
    assert lengths == [24, 24, 23, 24, 24, 24, 24]


def test_an_unknown_zone_is_said_and_utc_is_shown() -> None:
    page = page_of(zone="../../etc/passwd")
    assert page.place.key == "Etc/UTC"
    assert "is not a time zone known here" in render_page(page)


def test_what_an_exclusion_cuts_out_and_what_is_skipped_is_drawn_as_well() -> None:
    cut = {"start": "2026-03-28T02:30:00Z", "end": "2026-03-28T02:45:00Z"}
    skip = {"occurrence": "2026-03-29T02:00:00Z", "skip": True}
    found = spans(**NIGHTLY, exclusions=[cut], overrides=[skip])
    assert found[1:5] == [
        (Kind.OPEN, "28 02:00"),
        (Kind.CUT, "28 02:30"),
        (Kind.OPEN, "28 02:45"),
        (Kind.SKIPPED, "29 02:00"),
    ]


def test_a_change_of_an_occurrence_is_remarked() -> None:
    moved = {"occurrence": "2026-03-28T02:00:00Z", "start": "2026-03-28T05:00:00Z"}
    (row,) = page_of(observed("w", **NIGHTLY, overrides=[moved])).rows
    (change,) = row.spans[1].changes
    assert change.cause is Cause.MOVED


def test_windows_overlap_that_concern_an_app_of_one_namespace_at_one_time() -> None:
    def overlaps(namespace: str = "shop", **spec: Any) -> tuple[str, ...]:
        one = observed("one", apps=["orders"], start=START, end=END)
        page = page_of(one, observed("two", namespace, **{"apps": ["ord*"], "end": END, **spec}))
        return next(row for row in page.rows if row.window.name == "one").spans[0].overlaps

    assert overlaps(start="2026-03-27T03:00:00Z") == ("two",)
    assert overlaps(start="2026-03-27T01:00:00Z") == ("two",)
    assert overlaps(start=END, end=None) == ()
    assert overlaps(start=START, apps=["stock"]) == ()
    assert overlaps("bank", start=START) == ()


def test_the_table_has_what_is_not_over_yet_by_time() -> None:
    page = page_of(observed("over", start="2026-03-27T00:00:00Z", end="2026-03-27T01:00:00Z"))
    assert not page.rows
    page = page_of(observed("a", **NIGHTLY), observed("b", start=START, end=END))
    starts = [entry.span.start for entry in page.entries]
    assert starts == sorted(starts)
    assert starts[0] == at(START)


def test_a_lane_shows_where_a_span_is_between_the_midnights() -> None:
    page = page_of(observed("w", start="2026-03-28T00:00:00Z", end="2026-03-29T00:00:00Z"))
    (bar,) = [e for e in timeline(page).iter("rect") if "bar" in e.get("class", "")]
    assert float(bar.get("x", "").rstrip("%")) == pytest.approx(100 / 7, abs=0.001)
    assert float(bar.get("width", "").rstrip("%")) == pytest.approx(100 / 7, abs=0.001)


def test_a_window_of_a_minute_is_to_be_seen_and_one_without_an_end_fills_the_days() -> None:
    page = page_of(
        observed("w", start=START, end="2026-03-27T02:01:00Z"), observed("x", start=START)
    )
    widths = [_width(e) for e in timeline(page).iter("rect") if "bar" in e.get("class", "")]
    assert min(widths) > 0.3
    assert max(widths) > 95


def _width(bar: Element) -> float:
    return float(bar.get("width", "").rstrip("%"))


def test_there_is_an_end_to_what_is_drawn_and_the_page_says_so() -> None:
    often = {"schedule": "* * * * *", "timeZone": "Etc/UTC", "duration": "30s"}
    windows = [observed(f"w{number:04}", **often) for number in range(MOST_ROWS + 7)]
    page = page_of(*windows)
    assert len(page.rows) == MOST_ROWS
    assert len(page.rows[0].spans) == MOST_SPANS
    assert not page.rows[0].is_whole
    assert len(page.entries) == MOST_ENTRIES
    assert "7 more windows: choose a namespace to see them" in render_page(page)


# Processes


def test_a_process_does_what_it_said_last() -> None:
    running = {"inFlight": 2}
    assert doing({}) is Doing.REFUSING
    assert doing(running) is Doing.DRAINING
    assert doing({"enforcing": False, "reason": "Overridden"}) is Doing.LETS_THROUGH
    assert doing({"occurrence": "2026-03-26T02:00:00Z"}) is Doing.WAITED_FOR
    assert doing() is Doing.WAITED_FOR
    assert doing({}, ago=33) is Doing.SILENT
    assert doing(apps=["stock"]) is Doing.SERVING


def test_the_oldest_request_is_told_by_its_route_and_age() -> None:
    text = render_page(make_page(*a_shop(), NOW))
    assert "2 requests, the oldest GET /export/{id} for 4 min 7 s" in text
    assert "GET /export/{id} since 02:10:00" in text
    windows, processes = a_shop()
    text = render_page(page_of(*windows, processes=processes, zone="Asia/Tokyo"))
    assert "GET /export/{id} since 11:10:00" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h"), (5400, "1 h 30 min"), (9e4, "1 d 1 h")],  # noqa: E501,
)  # fmt: skip
def test_durations_are_told_in_their_two_largest_units(seconds: float, said: str) -> None:
    assert length(timedelta(seconds=seconds)) == said


def test_an_age_is_exact_for_ten_minutes() -> None:
    assert [age(s) for s in (7, 61, 599, 601)] == ["7 s", "1 min 1 s", "9 min 59 s", "10 min"]


# The document


class Read(HTMLParser):
    """The text and the tags of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shape(text: str) -> list[tuple[str, list[str]]]:
    """The tags of a document with the names of their attributes."""
    return [(tag, sorted(given)) for tag, given in Read(text).tags]


ATTACKS = [
    "<script>alert(1)</script>", "</style><script>alert(1)</script>", "' onfocus='alert(1)",
    "\"><img src=x onerror=alert(1)>", "</title></textarea><svg onload=alert(1)>", "<!--", "]]>",
    "&lt;b&gt;&#0;",
    "javascript:alert(1)", "\u202eevil", *(v for v in HOSTILE if isinstance(v, str) and v),
]  # fmt: skip


@pytest.mark.parametrize("text", ATTACKS)
def test_no_text_of_a_user_becomes_a_tag_or_an_attribute(text: str) -> None:
    """Wherever somebody may write: messages, descriptions, reasons, names of apps, routes."""
    assert shape(rendered(text)) == shape(rendered("plain"))
    rendered(text).encode()


def rendered(text: str) -> str:
    """A page that holds a text wherever one may stand."""
    cut = {"start": "2026-03-28T02:30:00Z", "end": "2026-03-28T02:45:00Z"}
    given = observed("w", **NIGHTLY, exclusions=[{**cut, "reason": "r"}], response={"message": "m"})
    told = conditions(("False", text), ("False", text))
    given.object["status"] = told
    window = given.window
    assert window is not None
    object.__setattr__(window, "response", window.response._replace(message=text))
    object.__setattr__(window, "description", text)
    object.__setattr__(window, "apps", (text,))
    object.__setattr__(window.exclusions[0], "reason", text)
    flight = [{"method": text, "route": text, "since": START}]
    said = word(given, START, inFlight=1, oldest=flight)
    lapse = word(given, START, enforcing=False, reason=text)
    processes = [("shop", process(text, text, said)), ("shop", process(text, text, lapse))]
    return render_page(page_of(given, processes=processes, notes=True, zone=f"x{text}"))


def test_descriptions_and_reasons_are_left_out_unless_they_are_asked_for() -> None:
    plain, noted = (render_page(make_page(*a_shop(), NOW, Wish(notes=n))) for n in (False, True))
    for word_ in ("OPS-4711", "OPS-4712", "audit"):
        assert word_ not in plain
        assert word_ in noted
    assert "We are making room" in plain


def test_nobody_is_told_how_to_get_through_or_what_an_invalid_field_holds() -> None:
    token = "ab" * 32
    allow = {
        "tokens": [{"name": "alice-token", "sha256": token}],
        "paths": ["/side-door"],
        "cidrs": ["198.51.100.0/24"],
    }
    text = render_page(
        page_of(
            observed("w", start=START, allow=allow),
            observed("bad", allow={"tokens": [{"name": "alice-token", "sha256": "s3cret-pasted"}]}),
            notes=True,
        )
    )
    assert "bad" in text
    for secret in (token, "alice-token", "side-door", "198.51.100.0", "s3cret"):
        assert secret not in text


def test_headings_have_an_order_and_each_table_and_field_has_a_name() -> None:
    tags = Read(render_page(make_page(*a_shop(), NOW))).tags
    levels = [int(tag[1]) for tag, _ in tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    ids = [given["id"] for _, given in tags if "id" in given]
    assert len(ids) == len(set(ids))
    named = [given.get("aria-labelledby") for tag, given in tags if tag == "table"]
    assert named
    assert set(named) <= set(ids)


def test_style_and_script_are_named_by_the_policy_and_nothing_comes_from_elsewhere() -> None:
    text = render_page(make_page(*a_shop(), NOW))
    tags = Read(text).tags
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")
    assert f"<script>{SCRIPT}</script>" in text
    loading = [g for _, g in tags for name in ("src", "style", "srcset", "onload") if name in g]
    assert not loading
    assert [g["href"] for tag, g in tags if tag == "a"] == ["calendar.ics"]


def test_without_a_script_a_browser_asks_again_by_itself() -> None:
    for text in (render_page(page_of()), render_standby()):
        assert '<noscript><meta http-equiv="refresh"' in text


def test_a_page_without_windows_and_processes_is_calm() -> None:
    text = render_page(page_of())
    for said in ("No window is open.", "Nothing in the next 7 days.", "No process reports here."):
        assert said in text


def test_what_a_document_cannot_hold_is_replaced() -> None:
    assert "a\ufffdb\ufffd" in document(element("p", "a\x00b", "\ud800", title="\x1b"))
