"""From a MaintenanceWindow manifest, as the API server or a YAML file gives it, to a Window.

Strict: an unknown field is refused, since a window that is understood in part would refuse the
wrong requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .fields import Fields
from .model import (
    API_VERSION,
    KIND,
    Fixed,
    InvalidWindow,
    Occurrence,
    Recurring,
    Window,
)
from .schedule import check_schedule, zone
from .state import DEFAULT_MESSAGE, Mode, Response

_SPEC = (
    "apps", "start", "end", "duration", "schedule", "timeZone", "suspend", "mode", "response",
)  # fmt: skip
_RESPONSE = ("message", "statusCode", "retryAfterSeconds", "headers")
_METADATA_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_APP_PATTERN = re.compile(r"[A-Za-z0-9*]([-A-Za-z0-9_.*]{0,61}[A-Za-z0-9*])?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_HEADER_VALUE = re.compile(r"(?=.{1,512}$)[!-~]([ -~]*[!-~])?")
_OUR_HEADERS = re.compile(
    r"(retry-after|cache-control|connection|content-(encoding|length|range|type)|date|keep-alive"
    r"|proxy-connection|server|te|trailer|transfer-encoding|upgrade|vary"
    r"|(access-control|x-maintenance)(-.*)?)",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def parse_manifest(manifest: Mapping[str, Any]) -> Window:
    """The window that a manifest describes.

    Raises:
        InvalidWindow: naming the first field that is wrong, its value and the mend.
    """
    top = Fields("manifest", manifest, ("apiVersion", "kind", "metadata", "spec", "status"))
    if top.raw("apiVersion") != API_VERSION or top.raw("kind") != KIND:
        given = f"{top.raw('apiVersion')} {top.raw('kind')}"
        raise InvalidWindow("kind", f"{given} is not a window", f"write {API_VERSION} {KIND}")
    metadata = top.raw("metadata")
    if not isinstance(metadata, Mapping):
        raise top.invalid("metadata", "is not an object", "write metadata: {name: ...}")
    spec = Fields("spec", top.raw("spec"), _SPEC)
    return Window(
        namespace=str(metadata.get("namespace") or "default"),
        name=_name(metadata),
        uid=str(metadata.get("uid") or ""),
        generation=parse_generation("metadata", metadata),
        apps=parse_apps(spec),
        timing=_timing(spec),
        mode=parse_mode(spec),
        suspend=spec.flag("suspend"),
        response=parse_response(spec),
    )


def parse_generation(path: str, values: Mapping[str, Any]) -> int:
    """The generation that the API server counts; 0 where none is written."""
    value = values.get("generation") or 0
    if not isinstance(value, int):
        mend = "leave it out: the API server writes it"
        raise InvalidWindow(f"{path}.generation", f"{value!r} is not a whole number", mend)
    return int(value)


def parse_apps(fields: Fields) -> tuple[str, ...]:
    """Names and patterns of apps; at least one."""
    if "apps" not in fields:
        raise fields.invalid("apps", "is missing", "name the apps, or ['*'] for every app")
    apps = fields.items("apps", 64)
    for number, app in enumerate(apps):
        if not isinstance(app, str) or not _APP_PATTERN.fullmatch(app):
            mend = "write a name of at most 63 letters, digits, '-', '_', '.', with '*' for any run"
            raise fields.invalid(f"apps[{number}]", f"{app!r} is not an app name", mend)
    return tuple(apps)


def parse_mode(fields: Fields) -> Mode:
    """How much is refused; everything where nothing is said."""
    known = tuple(mode.value for mode in Mode)
    return Mode(fields.choice("mode", known)) if "mode" in fields else Mode.FULL


def parse_response(fields: Fields) -> Response:
    """How refused requests are answered."""
    if "response" not in fields:
        return Response()
    given = Fields(f"{fields.path}.response", fields.raw("response"), _RESPONSE)
    if not fields.raw("response"):
        raise fields.invalid("response", "is empty", "write a message, or leave response out")
    return Response(
        message=_message(given) if "message" in given else DEFAULT_MESSAGE,
        status_code=given.number("statusCode", 400, 599) if "statusCode" in given else 503,
        retry_after_seconds=given.number("retryAfterSeconds", 0, 31_536_000)
        if "retryAfterSeconds" in given
        else None,
        headers=tuple(_headers(given)) if "headers" in given else (),
    )


def _message(response: Fields) -> str:
    message = response.text("message", 1024)
    if _CONTROL.search(message):
        mend = "remove them (line breaks and tabs may stay)"
        raise response.invalid("message", "holds control characters", mend)
    return message


def _headers(response: Fields) -> list[tuple[str, str]]:
    headers = []
    for number, item in enumerate(response.items("headers", 8)):
        header = Fields(f"{response.path}.headers[{number}]", item, ("name", "value"))
        name, value = header.text("name", 64), header.raw("value")
        if not _HEADER_NAME.fullmatch(name) or _OUR_HEADERS.fullmatch(name):
            mend = "write a header name that the answer does not set itself"
            raise header.invalid("name", f"{name!r} can't be set", mend)
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            mend = "write 1 to 512 printable ASCII characters, without spaces at the ends"
            raise header.invalid("value", f"{value!r} is not a header value", mend)
        headers.append((name, value))
    return headers


def _name(metadata: Mapping[str, Any]) -> str:
    name = metadata.get("name")
    if not isinstance(name, str) or not _METADATA_NAME.fullmatch(name):
        mend = "write at most 63 lower-case letters, digits and '-'"
        raise InvalidWindow("metadata.name", f"{name!r} is not a name", mend)
    return name


def _timing(spec: Fields) -> Fixed | Recurring:
    if ("start" in spec) == ("schedule" in spec):
        raise spec.invalid("start", "exactly one of start and schedule is needed", "write one")
    return _one_shot(spec) if "start" in spec else _recurring(spec)


def _one_shot(spec: Fields) -> Fixed:
    if "timeZone" in spec:
        mend = "leave it out: start and end carry their own offset"
        raise spec.invalid("timeZone", "goes with schedule only", mend)
    if "end" in spec and "duration" in spec:
        raise spec.invalid("end", "end and duration exclude each other", "write one of them")
    start = spec.instant("start")
    end = spec.instant("end") if "end" in spec else None
    if "duration" in spec:
        end = start + spec.duration("duration")
    if end is not None and end <= start:
        raise spec.invalid("end", "is not after start", "write a later end, or a duration")
    return Fixed((Occurrence(start, end),))


def _recurring(spec: Fields) -> Recurring:
    if "end" in spec:
        raise spec.invalid("end", "does not go with schedule", "write a duration")
    for name, example in (("duration", "2h"), ("timeZone", "Europe/Berlin, or Etc/UTC")):
        if name not in spec:
            raise spec.invalid(name, "is needed with schedule", f"say {name}: {example}")
    schedule, time_zone = spec.text("schedule", 128), spec.text("timeZone", 64)
    check_schedule(schedule)
    zone(time_zone)
    return Recurring(schedule, time_zone, spec.duration("duration"))
