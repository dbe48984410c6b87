"""Every verb explains itself on one screen, and its help comes at once."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from fastapi_maintenance.cli._app import app
from tests.unit.commanded import call

VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
COLUMNS, LINES = 80, 24


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_a_screen_and_shows_an_example(verb: str) -> None:
    said = call([verb, "--help"], COLUMNS=str(COLUMNS), TERMINAL_WIDTH=str(COLUMNS))
    lines = said.out.splitlines()
    assert len(lines) <= LINES, said.out
    assert max(map(len, lines)) <= COLUMNS
    assert "Example" in said.out
    assert f"fastapi-maintenance {verb}" in said.out


def test_help_loads_no_client_library() -> None:
    """What a person waits for is what they have asked for."""
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from fastapi_maintenance.cli import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    *shown, modules = done.stdout.splitlines()
    assert shown[0].startswith("Usage: fastapi-maintenance")
    heavy = {"kubernetes_asyncio", "aiohttp", "fastapi", "kopf", "yaml"}
    assert set(modules.split()) & heavy == set()


@pytest.mark.parametrize("module", ["typer", "httptools"])
def test_a_missing_extra_is_named_in_one_line(module: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from fastapi_maintenance.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "on", "orders", "--duration", "5m"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    wanted = "error: the command line needs: pip install 'fastapi-maintenance[cli]'\n"
    assert done.stderr == wanted
