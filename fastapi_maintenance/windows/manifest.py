"""From a MaintenanceWindow manifest, as the API server or a YAML file gives it, to a Window.

Strict: an unknown field is refused, since a window that is understood in part would refuse the
wrong requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .fields import Fields, Reading, each, missing_or, shown, shown_name
from .match_fields import check_that_something_is_refused, parse_allow, parse_match
from .model import API_VERSION, KIND, InvalidWindow, Window
from .response_fields import parse_response
from .state import Mode
from .timing_fields import (
    parse_announcement,
    parse_exclusions,
    parse_overrides,
    parse_timing,
    parse_ttl,
)

_SPEC = (
    "apps", "start", "end", "duration", "schedule", "timeZone", "exclusions", "overrides",
    "suspend", "endedAt", "mode", "match", "allow", "response", "announceBefore", "description",
    "ttlSecondsAfterFinished",
)  # fmt: skip
_METADATA_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_APP_PATTERN = re.compile(r"[A-Za-z0-9*]([-A-Za-z0-9_.*]{0,61}[A-Za-z0-9*])?")
_MODES = tuple(mode.value for mode in Mode)
_MOST_APPS = 64
_LONGEST_DESCRIPTION = 1024


def parse_manifest(manifest: Mapping[str, Any]) -> Window:
    """The window that a manifest describes.

    Raises:
        InvalidWindow: naming the first field that is wrong, its value and the mend; it has the
            others that are wrong as well.
    """
    top = Fields("manifest", manifest, ("apiVersion", "kind", "metadata", "spec", "status"))
    if top.raw("apiVersion") != API_VERSION or top.raw("kind") != KIND:
        given = f"{shown_name(top.raw('apiVersion'))} {shown_name(top.raw('kind'))}"
        raise InvalidWindow("kind", f"{given} is not a window", f"write {API_VERSION} {KIND}")
    metadata = top.raw("metadata")
    if not isinstance(metadata, Mapping):
        mend = "write metadata: {name: ...}"
        raise top.invalid("metadata", missing_or(metadata, "is not an object"), mend)
    if "spec" not in top:
        raise InvalidWindow("spec", "is missing", "write spec: {apps: [...], start: ...}")
    return _window(metadata, top.raw("spec"))


def parse_generation(path: str, values: Mapping[str, Any]) -> int:
    """The generation that the API server counts; 0 where none is written."""
    value = values.get("generation")
    if value is not None and type(value) is not int:
        mend = "leave it out: the API server writes it"
        raise InvalidWindow(f"{path}.generation", f"{shown(value)} is not a whole number", mend)
    return value or 0


def parse_apps(fields: Fields) -> tuple[str, ...]:
    """Names and patterns of apps; at least one."""
    fields.needed("apps", "name the apps, or ['*'] for every app")
    mend = f"write a list of 1 to {_MOST_APPS} names such as [orders], or ['*'] for every app"
    return each(_app, fields.items("apps", _MOST_APPS, mend))


def parse_mode(fields: Fields) -> Mode:
    """How much is refused; everything where nothing is said."""
    return Mode(fields.choice("mode", _MODES)) if "mode" in fields else Mode.FULL


def check_label(path: str, value: object) -> str:
    """A name that can be a label's value too, and stand in an answer."""
    if not isinstance(value, str) or not _METADATA_NAME.fullmatch(value):
        mend = "write at most 63 lower-case letters, digits and '-'"
        raise InvalidWindow(path, missing_or(value, "is not a name"), mend)
    return value


def _window(metadata: Mapping[str, Any], given: object) -> Window:
    read = Reading()
    spec = read(Fields, "spec", given, _SPEC) or _known_of(given)
    window = Window(
        namespace=read(_label, metadata, "namespace", "default"),
        name=read(_label, metadata, "name"),
        uid=read(_uid, metadata),
        generation=read(parse_generation, "metadata", metadata),
        apps=read(parse_apps, spec),
        timing=read(parse_timing, spec),
        mode=read(parse_mode, spec),
        match=read(parse_match, spec),
        allow=read(parse_allow, spec),
        suspend=read(spec.flag, "suspend"),
        overrides=read(parse_overrides, spec),
        ended_at=read(spec.instant, "endedAt") if "endedAt" in spec else None,
        exclusions=read(parse_exclusions, spec),
        announce_before=read(parse_announcement, spec),
        response=read(parse_response, spec),
        description=read(spec.prose, "description", _LONGEST_DESCRIPTION)
        if "description" in spec
        else "",
        ttl_seconds_after_finished=read(parse_ttl, spec),
    )
    read.end()
    check_that_something_is_refused(spec, window.mode, window.match)
    return window


def _known_of(spec: object) -> Fields:
    """The fields that are known of one that has others too.

    Raises:
        InvalidWindow: it is no object.
    """
    if not isinstance(spec, Mapping):
        return Fields("spec", spec, _SPEC)
    return Fields("spec", {name: spec[name] for name in _SPEC if name in spec}, _SPEC)


def _app(path: str, value: object) -> str:
    if not isinstance(value, str) or not _APP_PATTERN.fullmatch(value):
        mend = "write a name of at most 63 letters, digits, '-', '_', '.', with '*' for any run"
        raise InvalidWindow(path, f"{shown(value)} is not an app name", mend)
    return value


def _label(metadata: Mapping[str, Any], field: str, default: str | None = None) -> str:
    """A name that can be a label's value too; the metadata's other fields are Kubernetes' own."""
    value = metadata.get(field)
    if value in (None, "") and default is not None:
        return default
    return check_label(f"metadata.{field}", value)


def _uid(metadata: Mapping[str, Any]) -> str:
    value = metadata.get("uid") or ""
    if not isinstance(value, str):
        mend = "leave it out: the API server writes it"
        raise InvalidWindow("metadata.uid", f"{shown(value)} is not a string", mend)
    return value
