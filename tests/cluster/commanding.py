"""The command line in a test's own process, as an administrator in the namespace of the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from fastapi_maintenance.cli._app import NAME, app
from fastapi_maintenance.windows import next_occurrence, parse_manifest

if TYPE_CHECKING:
    from typer.testing import Result

    from tests.controlplane.kubectl import Kubectl

Run = Callable[..., "Said"]


@dataclass(frozen=True)
class Said:
    """What a command has said, and how it has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it has printed, as values."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """``fastapi-maintenance``, in one namespace."""

    kubectl: Kubectl
    namespace: str

    def __call__(self, verb: str, *words: str, code: int = 0, **environment: str) -> Said:
        """Run a verb, which is to exit with a code."""
        return call(
            [verb, "-n", self.namespace, *words],
            {"KUBECONFIG": str(self.kubectl.kubeconfig), "TZ": "Etc/UTC", **environment},
            code,
        )

    def window(self, name: str) -> dict[str, Any]:
        """A window as it stands."""
        shown = self.kubectl(
            *("get", "mw", name, "-n", self.namespace, "-o", "json", "--show-managed-fields")
        )
        found: dict[str, Any] = json.loads(shown.stdout)
        return found

    def window_starts(self, name: str, count: int) -> list[datetime]:
        """When a window opens next, so many times."""
        window, at, found = parse_manifest(self.window(name)), datetime.now(UTC), list[datetime]()
        while len(found) < count and (following := next_occurrence(window, at)) is not None:
            at = following.start
            found.append(at)
        return found


def call(words: list[str], environment: Mapping[str, str | None], code: int = 0) -> Said:
    """Run the command line in this process."""
    result: Result = copy_context().run(
        CliRunner().invoke, app, words, env=environment, prog_name=NAME
    )
    said = Said(result.exit_code, result.stdout, result.stderr)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert said.code == code, said
    assert "Traceback" not in said.err
    return said
