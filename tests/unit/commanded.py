"""The command line in a test's own process, without a cluster unless one is named."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner, Result

from fastapi_maintenance.cli._app import NAME, app

NOWHERE = {
    "KUBECONFIG": "",
    "FASTAPI_MAINTENANCE_KUBECONFIG": "",
    "KUBERNETES_SERVICE_HOST": None,
    "TZ": "Etc/UTC",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class Said:
    """What a command has said, and how it has ended."""

    code: int
    out: str
    err: str


def invoke(words: list[str], env: Mapping[str, str | None]) -> Result:
    """Run it in the zone that its environment names, whatever this machine's is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", env["TZ"] or "")
        time.tzset()
        result = copy_context().run(CliRunner().invoke, app, words, env=env, prog_name=NAME)
    time.tzset()
    return result


def call(words: list[str], code: int = 0, home: object = "/nowhere", **environment: str) -> Said:
    """Run it; anything but an exit is an error of the test's subject."""
    env = {**NOWHERE, "HOME": str(home), **environment}
    result = invoke(words, env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    said = Said(result.exit_code, result.stdout, result.stderr)
    assert said.code == code, said
    return said
