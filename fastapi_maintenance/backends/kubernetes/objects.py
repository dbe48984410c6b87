"""What a process writes into the cluster: names, paths and bodies of objects. No I/O."""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION, format_instant

from .sources import SWITCH_CONFIGMAP
from .views import SWITCH_KEY

Object = dict[str, Any]

FIELD_MANAGER = "fastapi-maintenance"
MADE_FOR = f"{GROUP}/made-for"
"""The label of windows that a process has made: ``switch`` or ``block``."""
SWITCH, BLOCK = "switch", "block"

BLOCK_LASTS = 60.0
"""Seconds from a block's last renewal to its end: what a killed process leaves behind."""
BLOCK_KEPT = 600
"""Seconds that a block's window may be looked at after it has ended without its process."""
_CLOCK_SKEW = 2
"""Seconds that a start lies in the past: clocks differ, and all are to see the window open."""

_CONDITIONS = {"enforced": "Enforced", "drained": "Drained"}

_APP = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LONGEST_NAME = 63


def is_app_name(app: str) -> bool:
    """Whether windows and ConfigMaps can name this app, and no other with it."""
    return _APP.fullmatch(app) is not None


def windows_path(namespace: str, name: str = "") -> str:
    """Where the windows of a namespace are, or one of them."""
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
    return f"{path}/{name}" if name else path


def configmap_path(namespace: str) -> str:
    """Where the ConfigMap with the switches of a namespace is."""
    return f"/api/v1/namespaces/{namespace}/configmaps/{SWITCH_CONFIGMAP}"


def empty_configmap() -> Object:
    """The ConfigMap without any switch.

    With a label, since the API server keeps no account of who writes what on an object that was
    applied without anything.
    """
    metadata = {"name": SWITCH_CONFIGMAP, "labels": {"app.kubernetes.io/part-of": FIELD_MANAGER}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def switch_patch(app: str, value: bool) -> Object:
    """What sets the switch of one app, and leaves all others alone."""
    return {"data": {f"{SWITCH_KEY}.{app}": "on" if value else "off"}}


def switch_window(app: str, now: float) -> Object:
    """A window that is open from now on until it is deleted."""
    description = "set_maintenance_mode(True); set_maintenance_mode(False) deletes it"
    spec = {"apps": [app], "start": _start(now), "description": description}
    return _window(name_for(app, SWITCH), SWITCH, spec)


def block_window(app: str, now: float) -> Object:
    """A window that ends soon, unless it is renewed."""
    spec = {
        "apps": [app],
        "start": _start(now),
        "description": "maintenance_mode_on(); renewed while its process lives",
        "ttlSecondsAfterFinished": BLOCK_KEPT,
        **renewal(now)["spec"],
    }
    return _window(name_for(app, f"{BLOCK}-{secrets.token_hex(4)}"), BLOCK, spec)


def renewal(now: float) -> Object:
    """A patch that lets the window of a block end a minute from now."""
    return {"spec": {"end": format_instant(datetime.fromtimestamp(now + BLOCK_LASTS, UTC))}}


def name_for(app: str, suffix: str) -> str:
    """The name of an app's window; apps whose names differ never share one."""
    stem = re.sub("[^a-z0-9-]+", "-", app.lower()).strip("-")
    room = _LONGEST_NAME - len(suffix) - 1
    if stem != app or len(stem) > room:
        digest = hashlib.sha256(app.encode()).hexdigest()[:8]
        stem = f"{stem[: room - len(digest) - 1]}-{digest}".lstrip("-")
    return f"{stem}-{suffix}"


def made_for(item: Mapping[str, Any]) -> str | None:
    """What a process has made a window for; None for a window of somebody else."""
    labels = item["metadata"].get("labels") or {}
    return str(labels[MADE_FOR]) if MADE_FOR in labels else None


def is_taken_back(item: Mapping[str, Any]) -> bool:
    """Whether somebody has ended or suspended a window that was meant to be open."""
    spec = item["spec"]
    return bool(
        spec.get("suspend") or spec.get("endedAt") or item["metadata"].get("deletionTimestamp")
    )


def missing_proof(item: Mapping[str, Any], what: str, now: float) -> str | None:
    """Why a window does not count as ``enforced`` or ``drained`` by all processes; None: it does.

    A condition counts if it was said of the occurrence that is open now: a status stays as it is
    while the operator is away. Renewals move the end alone, which leaves the condition true.
    """
    status = item.get("status") or {}
    found = [c for c in status.get("conditions") or () if c["type"] == _CONDITIONS[what]]
    if not found:
        return "no operator has said so; see that the one of fastapi-maintenance runs"
    if found[0]["status"] != "True":
        return f"{found[0].get('reason')}: {found[0].get('message')}"
    if not _contains(status.get("current") or {}, now):
        return "what the operator said is out of date; see that it runs"
    return None


def _contains(occurrence: Mapping[str, str], now: float) -> bool:
    start, end = occurrence.get("start"), occurrence.get("end")
    if start is None:
        return False
    return _instant(start) <= now and (end is None or now < _instant(end))


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def encoded(value: object) -> bytes:
    """JSON, as it is sent."""
    return json.dumps(value, separators=(",", ":")).encode()


def _start(now: float) -> str:
    return format_instant(datetime.fromtimestamp(math.floor(now) - _CLOCK_SKEW, UTC))


def _window(name: str, purpose: str, spec: Object) -> Object:
    labels = {"app.kubernetes.io/managed-by": FIELD_MANAGER, MADE_FOR: purpose}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
