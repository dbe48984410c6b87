"""Our gate, in front of every shape of application: off by each backend, and on."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from fastapi_maintenance import (
    BaseStateBackend,
    EnvVarBackend,
    K8sBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
)
from tests.unit.clustered import StandingCluster, put_into
from tests.unit.making import manifest, stored

from .apps import BARE_UNKNOWN, UNKNOWN_PATH, Subject, bare, gated, make_apps
from .others import convenient, floor_off, floor_on
from .shapes import STREAM, Shape

APP = "orders"
OTHERS = 1_000
OWN = 5

OFF = (
    "off: `EnvVarBackend`",
    "off: `LocalFileBackend`, a word",
    "off: `LocalFileBackend`, a window to come",
    "off: `K8sBackend`, no windows",
    f"off: `K8sBackend`, {OTHERS:,} windows of others and {OWN} to come",
)
ON = (
    "on: `EnvVarBackend`",
    "on: `K8sBackend`, an open window",
    "on, put around the whole application: `EnvVarBackend`",
)
_MOST = 2 + len(OFF) + 1 + len(ON) + 1 + 1
"""Applications that all kinds together need."""

ON_UNKNOWN = "on, unknown path: `EnvVarBackend`"


def subjects(shape: Shape, kinds: list[str], folder: Path) -> list[Subject]:
    """What a worker of this environment measures; the kinds are those of `--only`."""
    apps = make_apps(shape, _MOST)
    found = bare(apps, shape)
    if "off" in kinds:
        for name, backend in zip(OFF, _off(folder), strict=True):
            found.append(Subject(name, _gate(next(apps), backend), shape.path))
        found.append(floor_off(next(apps), shape))
    if "on" in kinds and shape.kind != STREAM:
        by_variable = _gate(next(apps), _variable("on"))
        by_window = _gate(next(apps), cluster(stored("open", apps=[APP])))
        # Which of the two an unknown path is answered is not this file's business.
        unknown = Subject(ON_UNKNOWN, by_variable, UNKNOWN_PATH, (404, 503), against=BARE_UNKNOWN)
        found += [
            Subject(ON[0], by_variable, shape.path, status=(503,)),
            Subject(ON[1], by_window, shape.path, status=(503,)),
            Subject(
                ON[2],
                MaintenanceModeMiddleware(next(apps), backend=_variable("on")),
                shape.path,
                status=(503,),
            ),
            Subject(BARE_UNKNOWN, found[0].app, UNKNOWN_PATH, (404,), against=BARE_UNKNOWN),
            unknown,
            floor_on(next(apps), shape),
        ]
    if "others" in kinds:
        found.append(convenient(next(apps), shape))
    return found


def _gate(app: FastAPI, backend: BaseStateBackend) -> ASGIApp:
    return gated(app, MaintenanceModeMiddleware, backend=backend)


def _off(folder: Path) -> list[BaseStateBackend]:
    """One of each backend that says off, in the order of their names."""
    word, window = folder / "word", folder / "window.yaml"
    word.write_text("off\n")
    window.write_text(json.dumps(manifest("later", apps=[APP], start=_from_now(days=30))))
    many = [stored(f"other-{n}", apps=[f"app-{n}"]) for n in range(OTHERS)]
    many += [stored(f"own-{n}", apps=[APP], start=_from_now(days=30 + n)) for n in range(OWN)]
    return [
        _variable("off"),
        LocalFileBackend(word),
        LocalFileBackend(window, app=APP),
        cluster(),
        cluster(*many),
    ]


def _variable(word: str) -> EnvVarBackend:
    """Each word has a variable of its own, since all backends share one environment."""
    name = f"FASTAPI_MAINTENANCE_MODE_{word.upper()}"
    os.environ[name] = word
    return EnvVarBackend(name)


def cluster(*windows: dict[str, Any]) -> K8sBackend:
    """A backend with its real thread, which has listed these windows from a cluster in memory."""
    with pytest.MonkeyPatch.context() as patch:
        put_into(StandingCluster(*windows), patch)
        backend = K8sBackend(APP)
        backend.start()
        while (health := backend.health()) is None or not health.synced:
            time.sleep(0.001)
    return backend


def _from_now(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
