"""A refusal says what is the matter in the form that a client likes, to whom and however often."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Scope

from fastapi_maintenance.responses import HTML, JSON, OFFERS, PROBLEM, Answer, Refuser, refuse
from fastapi_maintenance.windows import Opening, Refusal, Response
from tests.unit.making import at

END = at("2026-01-01T01:00Z")
NOON = END.timestamp() - 3600
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def refusal(source: str = "window=shop/move", **response: Any) -> Refusal:
    """By a window that ends an hour after NOON."""
    return Refusal(Opening(response=Response(**response), source=source), END)


def lines(*accepts: str) -> list[tuple[bytes, bytes]]:
    """A request's headers, with these lines of Accept."""
    return [(b"host", b"shop"), *((b"accept", text.encode("latin-1")) for text in accepts)]


def answered(*accepts: str, of: Refusal | None = None, **options: Any) -> Answer:
    return Refuser(**options).answer(of or refusal(), NOON, lines(*accepts))


def header(answer: Answer, name: str) -> str:
    (value,) = (v for n, v in answer.headers if n == name.encode())
    return value.decode("latin-1")


def media_type(*accepts: str) -> str:
    return header(answered(*accepts), "content-type").partition(";")[0]


async def sent(answer: ASGIApp, scope: Scope) -> list[Message]:
    """What a server hears when this is sent."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        messages.append(message)

    await refuse(answer, scope, receive, send)
    return messages


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [
        ((), JSON),
        (("",), JSON),
        (("*/*",), JSON),
        (("application/json",), JSON),
        (("application/json, text/plain, */*",), JSON),
        ((BROWSER,), HTML),
        (("text/html",), HTML),
        (("TEXT/HTML",), HTML),
        (("text/*",), HTML),
        (("text/html; charset=utf-8",), HTML),
        (("text/html;q=0.9, application/json",), JSON),
        (("text/html, application/json;q=0.9",), HTML),
        (("text/html , application/json ; q = 0.9",), HTML),
        (("application/problem+json",), PROBLEM),
        (("application/problem+json, application/json;q=0.5",), PROBLEM),
        (("application/problem+json, text/html;q=0.9",), PROBLEM),
        (("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",), HTML),
    ],
)
def test_the_body_is_what_the_client_likes_best(accepts: tuple[str, ...], expected: str) -> None:
    """Browsers, axios, curl and Java's URLConnection among them."""
    assert media_type(*accepts) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html, application/json",
        "application/problem+json, application/json",
        "application/*, text/*",
        "text/html, */*",
        "image/avif, */*;q=0.5",
    ],
)
def test_json_wins_all_ties(accept: str) -> None:
    assert media_type(accept) == JSON


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*, application/json;q=0.1, application/problem+json;q=0.2", HTML),
        ("application/*, application/json;q=0.5", PROBLEM),
        ("text/*;q=0.9, text/html;q=0.1, application/json;q=0.5", JSON),
        ("*/*, application/json;q=0", PROBLEM),
        ("application/*;q=0, */*;q=0.1", HTML),
    ],
)
def test_the_most_specific_range_counts(accept: str, expected: str) -> None:
    """RFC 9110, 12.5.1: whatever the order; and a zero is a no."""
    assert media_type(accept) == expected


@pytest.mark.parametrize(("weight", "expected"), [("0.65", HTML), ("0.75", JSON)])
def test_the_example_of_the_rfc(weight: str, expected: str) -> None:
    """RFC 9110, 12.5.1, gives text/html the 0.7 that stands at it without parameters."""
    example = "text/*;q=0.3, text/html;q=0.7, text/html;level=1, text/html;level=2;q=0.4"
    assert media_type(f"{example}, application/json;q={weight}") == expected


def test_several_lines_of_accept_are_one() -> None:
    assert media_type("application/json;q=0.5", "text/html") == HTML


@pytest.mark.parametrize(
    "accept",
    [
        "image/png",
        "text/html;q=0",
        "text/html;q=2",
        "text/html;q=nan",
        "text/html;q=-1",
        "text/html;q=1e0",
        "text/html;q=",
        ";;;,,,;q=1",
        "text/html" + " " * 10_000,
        "\xff\xfe",
    ],
)
def test_what_cannot_be_read_or_met_is_answered_in_json(accept: str) -> None:
    """A refusal in the wrong form says more than a 406."""
    assert media_type(accept) == JSON


ranges = st.sampled_from(["text/html", "text/*", "*/*", "*", "application/json", *OFFERS, "x/y"])
weights = st.sampled_from(["", ";q=0", ";q=0.5", ";q=1", ";q=.5", ";level=1", ";q=x", ";;", '="'])
likely = st.lists(st.builds(str.__add__, ranges, weights)).map(",".join).map(str.encode)


@given(st.lists(st.one_of(likely, st.binary(max_size=64)), max_size=3))
def test_no_accept_fails_a_request(accepts: list[bytes]) -> None:
    headers = [(b"accept", accept) for accept in accepts]
    answer = Refuser().answer(refusal(), NOON, headers)
    assert header(answer, "content-type").partition(";")[0] in OFFERS


@pytest.mark.parametrize("accept", OFFERS)
def test_each_form_has_the_same_headers(accept: str) -> None:
    of = refusal(status_code=599, headers=(("Link", '</status>; rel="help"'), ("Link", "</b>")))
    answer = answered(accept, of=of)
    assert answer.status_code == 599
    assert header(answer, "content-type").startswith(accept)
    assert header(answer, "content-length") == str(len(answer.body))
    assert header(answer, "retry-after") == "3600"
    assert header(answer, "cache-control") == "no-store"
    assert header(answer, "vary") == "Accept"
    assert header(answer, "x-maintenance") == "window=shop/move"
    assert [v for n, v in answer.headers if n == b"link"] == [b'</status>; rel="help"', b"</b>"]


def test_a_switch_of_the_process_has_no_name() -> None:
    names = {name for name, _ in answered(of=Refusal(Opening())).headers}
    assert b"x-maintenance" not in names


@pytest.mark.parametrize(
    ("until", "given", "expected"),
    [(END, None, "3600"), (END, 7, "7"), (END, 0, "0"), (None, 7, "7"), (None, None, "42")],
)
def test_retry_after_is_the_windows_own_else_the_rest_else_the_gates(
    until: Any, given: int | None, expected: str
) -> None:
    of = Refusal(Opening(response=Response(retry_after_seconds=given)), until)
    assert header(answered(of=of, retry_after=42), "retry-after") == expected


@given(st.lists(st.floats(-5, 5), min_size=1))
def test_retry_after_follows_the_clock_also_backwards(steps: list[float]) -> None:
    """An answer is kept for a second at most; whoever comes back then is served."""
    refuser, of, now = Refuser(), refusal(), NOON
    for step in steps:
        now += step
        again = now + int(header(refuser.answer(of, now), "retry-after"))
        assert END.timestamp() <= again < END.timestamp() + 1.001


def test_the_same_answer_serves_everybody_within_a_second() -> None:
    refuser, of = Refuser(), refusal()
    first = refuser.answer(of, NOON, lines("*/*"))
    assert refuser.answer(of, NOON + 0.9, lines("application/json")) is first
    assert refuser.answer(of, NOON + 1.1) is not first
    assert refuser.answer(of, NOON, lines("text/html")) is not first


def test_equal_windows_are_answered_alike_and_different_ones_each_with_its_own() -> None:
    """However many there are."""
    refuser = Refuser()
    for number in range(1000):
        of = refusal(message=f"reason {number}")
        assert json.loads(refuser.answer(of, NOON).body) == {"detail": f"reason {number}"}


def test_json_is_what_starlette_would_write() -> None:
    of = refusal(message='Wir ziehen um: "bis gleich" \N{HOUSE BUILDING}')
    expected = JSONResponse({"detail": of.opening.response.message})
    assert answered(of=of).body == expected.body


@pytest.mark.parametrize("accept", OFFERS)
def test_half_a_surrogate_pair_in_a_message_fails_no_request(accept: str) -> None:
    """JSON and YAML can say it; UTF-8 can't."""
    assert b"back ? soon" in answered(accept, of=refusal(message="back \ud83d soon")).body


def test_a_problem_says_what_rfc_9457_wants_and_when_it_ends() -> None:
    assert json.loads(answered(PROBLEM).body) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Service temporarily unavailable due to maintenance",
        "retryAfterSeconds": 3600,
        "until": "2026-01-01T01:00:00Z",
    }


def test_a_problem_without_a_known_end_names_none() -> None:
    problem = json.loads(answered(PROBLEM, of=Refusal(Opening())).body)
    assert problem.keys() == {"type", "title", "status", "detail"}


def test_a_status_without_a_name_has_no_title() -> None:
    problem = json.loads(answered(PROBLEM, of=refusal(status_code=599)).body)
    assert "title" not in problem
    assert problem["status"] == 599


@pytest.mark.anyio
@pytest.mark.parametrize("accept", OFFERS)
async def test_head_gets_the_headers_of_get_and_no_body(accept: str) -> None:
    answer = answered(accept)
    get = await sent(answer, {"type": "http", "method": "GET"})
    head = await sent(answer, {"type": "http", "method": "HEAD"})
    assert head[0] == get[0]
    assert get[1] == {"type": "http.response.body", "body": answer.body}
    assert head[1] == {"type": "http.response.body", "body": b""}


@pytest.mark.anyio
async def test_a_middleware_around_may_add_headers_to_its_own_answer_alone() -> None:
    answer = answered()
    around = CORSMiddleware(answer, allow_origins=["https://shop.example"])
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "headers": [(b"origin", b"https://shop.example")],
    }
    kept = list(answer.headers)
    for _ in range(2):
        start, _body = await sent(around, scope)
        headers = start["headers"]
        assert [v for n, v in headers if n == b"access-control-allow-origin"] != []
        (vary,) = (v for n, v in headers if n == b"vary")
        assert re.split(", ?", vary.decode()) == ["Accept", "Origin"]
    assert answer.headers == kept


@pytest.mark.anyio
async def test_a_websocket_is_denied_with_the_same_answer_where_the_server_can() -> None:
    answer = answered()
    scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    assert await sent(answer, scope) == [
        {"type": "websocket.http.response.start", "status": 503, "headers": answer.headers},
        {"type": "websocket.http.response.body", "body": answer.body},
    ]


@pytest.mark.anyio
async def test_a_websocket_is_closed_where_the_server_cannot() -> None:
    messages = await sent(answered(), {"type": "websocket"})
    assert messages == [{"type": "websocket.close", "code": 1013}]
