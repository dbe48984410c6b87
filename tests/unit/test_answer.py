"""Answers of HTTP/1.1 servers, however their bytes come."""

from __future__ import annotations

import pytest

from fastapi_maintenance.backends.kubernetes.answer import Answer, ProtocolError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(*pieces: bytes) -> Answer:
    answer = Answer()
    for piece in pieces:
        answer.feed(piece)
    return answer


def test_an_answer_is_the_same_whatever_pieces_its_bytes_come_in() -> None:
    """Byte by byte as well as at once."""
    content = b"HTTP/1.1 404 Not Found\r\nX-One: 1\r\nContent-Length: 4\r\n\r\ngone"
    for size in (1, 7, len(content)):
        pieces = (content[start : start + size] for start in range(0, len(content), size))
        answer = read(*pieces)
        assert answer.head is not None
        assert (answer.head.status, answer.head.reason) == (404, "Not Found")
        assert answer.head.headers == {"x-one": "1", "content-length": "4"}
        assert (answer.take(), answer.is_complete, answer.leaves_open) == (b"gone", True, True)


def test_the_head_is_known_before_the_body_and_the_body_is_given_as_it_comes() -> None:
    """As a watch needs it."""
    answer = read(CHUNKED)
    assert answer.head is not None
    assert answer.take() == b""
    answer.feed(b"3\r\none\r\n3\r\ntwo\r\n")
    assert answer.take() == b"onetwo"
    assert not answer.is_complete
    answer.feed(b"0\r\n\r\n")
    assert (answer.take(), answer.is_complete) == (b"", True)


def test_headers_with_one_name_are_one_list() -> None:
    """RFC 9110, 5.3."""
    answer = read(b"HTTP/1.1 200 OK\r\nVia: a\r\nvia: b\r\nContent-Length: 0\r\n\r\n")
    assert answer.head is not None
    assert answer.head.headers["via"] == "a, b"


def test_an_interim_answer_is_not_the_answer() -> None:
    """RFC 9110, 15.2."""
    answer = read(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    assert answer.head is None
    assert not answer.is_complete
    answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert answer.head is not None
    assert (answer.head.status, "link" in answer.head.headers) == (200, False)
    assert (answer.take(), answer.is_complete) == (b"{}", True)


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    """RFC 9112, 6.3; such a connection serves no other request."""
    answer = read(b"HTTP/1.1 200 OK\r\n\r\n", b"all of it")
    assert not answer.is_complete
    answer.feed(b"")
    assert (answer.take(), answer.is_complete, answer.leaves_open) == (b"all of it", True, False)


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"],
    ids=["close", "HTTP/1.0"],
)
def test_a_server_that_closes_is_asked_no_more(head: bytes) -> None:
    """It says so in the head."""
    answer = read(head + b"Content-Length: 2\r\n\r\n{}")
    assert (answer.is_complete, answer.leaves_open) == (True, False)


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([b""], "closed without an answer"),
        ([b"HTTP/1.1 20", b""], "closed without an answer"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b""], "closed without an answer"),
        ([CHUNKED, b"5\r\nab", b""], "before the end of the answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", b""], "before the end of the answer"),
        ([CHUNKED, b"zz\r\n"], "chunk size"),
        ([b"SSH-2.0\r\n"], "Expected HTTP/"),
        (
            [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n"],
            "switc",
        ),
        ([b"HTTP/1.1 200 OK\r\n", *[b"X-A: " + b"a" * 1024 + b"\r\n"] * 70], "head .* too long"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n" * 2], "was not asked"),
    ],
)
def test_what_is_no_whole_answer_is_an_error_of_the_connection(
    pieces: list[bytes], problem: str
) -> None:
    """An OSError, as all else that is wrong with a connection."""
    with pytest.raises(ProtocolError, match=problem):
        read(*pieces)
    assert issubclass(ProtocolError, OSError)


def test_an_unasked_second_answer_spoils_the_connection() -> None:
    """What comes next would be taken for the answer to the next request."""
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    with pytest.raises(ProtocolError):
        answer.feed(b"HTTP/1.1 200 OK\r\n")
    assert not answer.leaves_open
