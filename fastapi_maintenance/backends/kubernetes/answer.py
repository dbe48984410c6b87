"""One answer of an HTTP/1.1 server (RFC 9112), read by llhttp as its bytes come."""

from __future__ import annotations

from dataclasses import dataclass

import httptools

_LARGEST_HEAD = 64 * 1024


class ProtocolError(ConnectionError):
    """What came is not HTTP, or not all of an answer."""


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer begins with."""

    status: int
    reason: str
    headers: dict[str, str]
    """By their names in lower case."""

    @property
    def is_success(self) -> bool:
        """Whether it is what was asked for (RFC 9110, 15.3)."""
        return 200 <= self.status < 300


class Answer:
    """Takes bytes; gives a head, and parts of a body."""

    def __init__(self) -> None:
        self.head: Head | None = None
        """None until all of it has come; those of interim answers (1xx) do not count."""
        self.is_complete = False
        self.leaves_open = False
        """Whether the connection serves another request after it."""
        self._parts: list[bytes] = []
        self._before_head = 0
        self._headers: dict[str, str] = {}
        self._reason = b""
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what came; nothing is the end of the connection.

        Raises:
            ProtocolError: it can't be, or the answer was to be longer.
        """
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as cause:
            raise ProtocolError("the server switches to another protocol, unasked") from cause
        except httptools.HttpParserError as cause:
            raise ProtocolError(str(cause.__context__ or cause)) from cause
        self._bound_the_head(len(data))

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _end(self) -> None:
        if self.head is None:
            raise ProtocolError("the connection was closed without an answer")
        if not self.is_complete and self._has_an_end(self.head):
            raise ProtocolError("the connection was closed before the end of the answer")
        self.is_complete, self.leaves_open = True, False

    @staticmethod
    def _has_an_end(head: Head) -> bool:
        """Whether the answer says itself where it ends (RFC 9112, 6.3)."""
        return "content-length" in head.headers or "transfer-encoding" in head.headers

    def _bound_the_head(self, came: int) -> None:
        if self.head is None:
            self._before_head += came
            if self._before_head > _LARGEST_HEAD:
                raise ProtocolError("the head of the answer is too long")

    # What the parser calls

    def on_message_begin(self) -> None:
        """Nothing more was asked for."""
        if self.is_complete:
            self.leaves_open = False
            raise ProtocolError("the server answers what was not asked")

    def on_status(self, reason: bytes) -> None:
        """In pieces, as it comes."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A whole one; of several with a name the values are one list (RFC 9110, 5.3)."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """Before the body."""
        status = self._parser.get_status_code()
        if status >= 200:
            self.head = Head(status, self._reason.decode("latin-1"), self._headers)
            self.leaves_open = self._parser.should_keep_alive()
        self._reason, self._headers = b"", {}

    def on_body(self, part: bytes) -> None:
        """In pieces, as it comes."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """An interim answer (1xx) is not the end."""
        self.is_complete = self.head is not None
