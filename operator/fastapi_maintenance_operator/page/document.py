"""The page as a document: sections that are replaced one by one while somebody looks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from itertools import groupby
from xml.etree.ElementTree import Element

from fastapi_maintenance.proof.wording import on_clock

from .elements import Child, document, element
from .model import UNKNOWN, Broken, Entry, Fact, Opened, Page
from .parts import left_out, section, table
from .replicas import Doing, Replica
from .timeline import legend, timeline
from .words import age, apps_of, length, mode_of, moment, remarks, until

_OF_UNKNOWN = "Nothing is known of the namespace that you ask for."
_HERE = resources.files(__package__)
STYLE = _HERE.joinpath("page.css").read_text("utf-8")
SCRIPT = _HERE.joinpath("page.js").read_text("utf-8")
REFRESH = 15
"""Seconds after which a browser without JavaScript asks again."""


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hash(STYLE)}",
        f"script-src {_hash(SCRIPT)}",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy: the page's own style and script, and nothing from anywhere else."""


def render_page(page: Page) -> str:
    """The document of a leader."""
    count = len(page.opened)
    title = f"{count} open: maintenance" if count else "Maintenance"
    body = (
        _header(page),
        element("main", _open_now(page), _coming(page), _replicas(page), _without_effect(page)),
        _footer(page),
    )
    return document(_html(title, REFRESH, *body))


def render_standby() -> str:
    """The document of a replica that stands by: it watches nothing, and knows nothing."""
    text = "This replica of the operator stands by: another one works, and knows what is open. "
    body = element(
        "main",
        element("h1", "Maintenance"),
        element("p", text, "This page asks again by itself."),
        class_="standby",
    )
    return document(_html("Standing by: maintenance", 2, body))


def _html(title: str, refresh: int, *body: Element) -> Element:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("noscript", element("meta", http_equiv="refresh", content=refresh)),
        element("title", title),
        element("style", STYLE),
    )
    return element("html", head, element("body", *body, element("script", SCRIPT)), lang="en")


def _header(page: Page) -> Element:
    shown = page.now.astimezone(page.place).strftime("%A %d %B, %H:%M:%S")
    stand = f"As of {shown}, {page.place.key}"
    notice = "" if page.is_zone_known else (
        "What you ask for is not a time zone known here: write an IANA name such as "
        "Europe/Berlin. Times are in UTC."
    )  # fmt: skip
    return element(
        "header",
        element("h1", "Maintenance"),
        element("p", stand, id="stand"),
        element("p", notice, class_="notice") if notice else None,
        element("p", "", id="live", role="status", class_="notice", hidden=True),
        _form(page),
    )


def _form(page: Page) -> Element:
    names = sorted({*page.namespaces, *filter(None, [page.wish.namespace])})
    options = [element("option", "all namespaces", value="")]
    options += [
        element("option", name, value=name, selected=name == page.wish.namespace) for name in names
    ]
    zone = page.wish.zone if page.is_zone_known else ""
    return element(
        "form",
        element("label", "Namespace ", element("select", *options, name="namespace")),
        element("label", "Time zone ", element("input", name="zone", value=zone, size=20)),
        element("button", "Show", type="submit"),
        method="get",
    )


def _open_now(page: Page) -> Element:
    if page.opened:
        cards = [_card(page, opened) for opened in page.opened]
        return section("open", "Open now", element("div", *cards, class_="cards"))
    none = _OF_UNKNOWN if page.wish.namespace == UNKNOWN else "No window is open."
    text = element("p", none, class_="calm")
    if page.following:
        window, occurrence = page.following
        wait = length(occurrence.start - page.now)
        text = element(
            "p", "No window is open. Next is ", element("strong", window.name), f" in {wait}, at ",
            moment(occurrence.start, page.place), ".", class_="calm",
        )  # fmt: skip
    return section("open", "Open now", text)


def _card(page: Page, opened: Opened) -> Element:
    window, current = opened.window, opened.current
    left = f", {length(current.end - page.now)} left" if current.end else ""
    is_held = opened.drained.status != "True" and opened.held_by
    return element(
        "article",
        element("h3", window.name),
        element("p", f"{window.namespace} · {apps_of(window)} · {mode_of(window)}", class_="quiet"),
        element(
            "p", "Since ", moment(current.start, page.place), ", until ",
            until(current.start, current.end, page.place), left,
        ),
        _quoted("message", opened.message),
        _quoted("note", opened.description),
        element(
            "dl", *_fact(page, "Enforced", opened.enforced), *_fact(page, "Drained", opened.drained)
        ),
        _held(page, opened.held_by) if is_held else None,
    )  # fmt: skip


def _quoted(kind: str, text: str) -> Element | None:
    """What somebody wrote, in whichever direction it is read."""
    return element("p", text, class_=kind, dir="auto") if text else None


_WORDS = {"True": "yes", "False": "not yet"}
_SIGNS = {
    "yes": "M3 8.5l3.5 3.5L13 4.5",
    "not yet": "M8 4v4.5l2.5 2M14.5 8a6.5 6.5 0 1 1-13 0a6.5 6.5 0 0 1 13 0z",
    "unknown": "M5.5 6a2.5 2.5 0 1 1 3.5 2.3q-1 .4-1 1.7m0 2.6v.1",
}
"""Paths of lines on a square of sixteen."""


def _fact(page: Page, name: str, fact: Fact) -> Sequence[Element]:
    word = _WORDS.get(fact.status, "unknown")
    path = element("path", d=_SIGNS[word])
    kind = f"sign {word.replace(' ', '-')}"
    sign = element("svg", path, viewBox="0 0 16 16", class_=kind, aria_hidden="true")
    said = f": {on_clock(fact.message, page.now, page.place)}"
    return element("dt", name), element("dd", sign, element("strong", word), said)


def _held(page: Page, replicas: Sequence[Replica]) -> Element:
    most = 8
    lines = [element("li", element("strong", r.name), f" {_doing(page, r)}") for r in replicas]
    rest = len(lines) - most
    more = element("li", f"and {rest} more, in the table of processes") if rest > 0 else None
    return element(
        "div",
        element("h4", "Waited for"),
        element("ul", *lines[:most], more),
        class_="held",
    )


def _doing(page: Page, replica: Replica) -> str:
    if replica.doing is Doing.LETS_THROUGH:
        return f"{replica.doing}: {replica.reason}"
    if replica.doing is Doing.DRAINING:
        return f"still runs {_running(page, replica)}"
    if replica.doing is Doing.SILENT:
        return f"is silent: last heard {age((page.now - replica.heard).total_seconds())} ago"
    return str(replica.doing)


def _running(page: Page, replica: Replica) -> str:
    if not replica.in_flight:
        return ""
    count = f"{replica.in_flight} request{'s' if replica.in_flight > 1 else ''}"
    if replica.oldest is None:
        return count
    flight = replica.oldest
    since = age((page.now - flight.since).total_seconds())
    return f"{count}, the oldest {flight.method} {flight.route} for {since}"


def _coming(page: Page) -> Element:
    days = len(page.days) - 1
    if not page.rows:
        return section("coming", "Coming days", element("p", f"Nothing in the next {days} days."))
    return section(
        "coming",
        "Coming days",
        timeline(page),
        legend(),
        element("h3", "The same as a table", id="times-title"),
        table(
            "times-title",
            ("When", "Window", "Namespace", "Apps", "What it does", "Remarks"),
            (_entry(page, entry) for entry in page.entries),
        ),
        left_out(page.rows_left_out, "windows", "choose a namespace to see them"),
        left_out(page.entries_left_out, "times", "choose a namespace to see them"),
    )


def _entry(page: Page, entry: Entry) -> Sequence[Child]:
    window, span = entry.window, entry.span
    when = element(
        "span", moment(span.start, page.place), " to ", until(span.start, span.end, page.place)
    )
    return (
        when,
        element("strong", window.name),
        window.namespace,
        apps_of(window),
        mode_of(window) if span.kind == "open" else "",
        remarks(span, notes=page.wish.notes),
    )


def _replicas(page: Page) -> Element:
    if not page.replicas:
        return section("processes", "Processes", element("p", "No process reports here."))
    groups = groupby(page.replicas, key=lambda replica: replica.namespace)
    tables = [part for name, found in groups for part in _namespace(page, name, list(found))]
    more = left_out(page.replicas_left_out, "processes", "choose a namespace to see them")
    return section("processes", "Processes", *tables, more)


def _namespace(page: Page, namespace: str, replicas: Sequence[Replica]) -> Sequence[Element]:
    name = f"processes-{namespace}"
    head = ("Process", "App", "What it does", "Still runs", "Last heard")
    refusing = sum(r.doing in (Doing.REFUSING, Doing.DRAINING) for r in replicas)
    draining = sum(r.in_flight > 0 for r in replicas)
    counts = f"{len(replicas)} registered, {refusing} refusing, {draining} draining"
    return (
        element("h3", namespace, " ", element("small", counts), id=name),
        table(name, head, (_replica(page, replica) for replica in replicas)),
    )


def _replica(page: Page, replica: Replica) -> Sequence[Child]:
    reason = f": {replica.reason}" if replica.reason else ""
    kind = "busy" if replica.doing not in (Doing.REFUSING, Doing.SERVING) else "fine"
    return (
        element("strong", replica.name),
        replica.app or "none",
        element("span", f"{replica.doing}{reason}", class_=kind),
        _running(page, replica),
        f"{age((page.now - replica.heard).total_seconds())} ago",
    )


def _without_effect(page: Page) -> Element | None:
    if not page.broken:
        return None
    items = (_broken(broken) for broken in page.broken)
    return section("idle", "Without effect", element("ul", *items))


def _broken(broken: Broken) -> Element:
    return element("li", element("strong", f"{broken.namespace}/{broken.name}"), f" {broken.why}")


def _footer(page: Page) -> Element:
    query = f"?namespace={page.wish.namespace}" if page.wish.namespace else ""
    link = element("a", "Subscribe to the calendar", href=f"calendar.ics{query}")
    lead: Sequence[Child] = (link, " (iCalendar).")
    if page.wish.namespace == UNKNOWN:  # its calendar would stay empty for ever
        lead = (_OF_UNKNOWN,)
    told = "Descriptions and reasons are shown." if page.wish.notes else (
        "Descriptions and reasons are not shown here."
    )  # fmt: skip
    return element("footer", element("p", *lead, f" {told}"), id="foot")
