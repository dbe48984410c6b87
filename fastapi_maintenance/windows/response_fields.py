"""The part of a manifest that says how refused requests are answered."""

from __future__ import annotations

import re

from .fields import Fields, Reading, missing_or
from .state import DEFAULT_MESSAGE, Response

_RESPONSE = ("message", "statusCode", "retryAfterSeconds", "headers")
_MOST_HEADERS = 8
_LONGEST_MESSAGE = 1024
_YEAR = 31_536_000
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_HEADER_VALUE = re.compile(r"(?=.{1,512}$)[!-~]([ -~]*[!-~])?")
_OUR_HEADERS = re.compile(
    r"(retry-after|cache-control|connection|content-(encoding|length|range|type)|date|keep-alive"
    r"|proxy-connection|server|te|trailer|transfer-encoding|upgrade|vary"
    r"|(access-control|x-maintenance)(-.*)?)",
    re.IGNORECASE,
)


def parse_response(fields: Fields) -> Response:
    """How refused requests are answered."""
    if "response" not in fields:
        return Response()
    given, read = fields.inner("response", _RESPONSE), Reading()
    found = Response(
        message=read(given.prose, "message", _LONGEST_MESSAGE)
        if "message" in given
        else DEFAULT_MESSAGE,
        status_code=read(given.number, "statusCode", 400, 599) if "statusCode" in given else 503,
        retry_after_seconds=read(given.number, "retryAfterSeconds", 0, _YEAR)
        if "retryAfterSeconds" in given
        else None,
        headers=read(_headers, given) if "headers" in given else (),
    )
    read.end()
    return found


def _headers(response: Fields) -> tuple[tuple[str, str], ...]:
    return response.objects("headers", _MOST_HEADERS, ("name", "value"), _header)


def _header(header: Fields) -> tuple[str, str]:
    read = Reading()
    found = read(_header_name, header), read(_header_value, header)
    read.end()
    return found


def _header_name(header: Fields) -> str:
    name = header.text("name", 64)
    if not _HEADER_NAME.fullmatch(name) or _OUR_HEADERS.fullmatch(name):
        mend = "write a header name that the answer does not set itself"
        raise header.invalid("name", f"{name!r} can't be set", mend)
    return name


def _header_value(header: Fields) -> str:
    value = header.raw("value")
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        mend = "write 1 to 512 printable ASCII characters, without spaces at the ends"
        raise header.invalid("value", missing_or(value, "is not a header value"), mend)
    return value
