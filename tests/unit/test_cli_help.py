"""Every verb explains itself on one screen, and its help comes at once."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer

from fastapi_maintenance.cli._app import app
from tests.python import python

VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
COLUMNS, LINES = 80, 24


ALL_HELP = """
import contextlib
from fastapi_maintenance.cli._app import app
for words in {words!r}:
    with contextlib.suppress(SystemExit):
        app([*words, "--help"], prog_name={name!r})
    print("\f", end="", flush=True)
"""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The help of each verb, and under an empty name of all, as a terminal of that size has it."""
    words = [[], *([verb] for verb in VERBS)]
    return dict(zip(["", *VERBS], helped("fastapi-maintenance", words), strict=True))


def helped(name: str, words: list[list[str]]) -> list[str]:
    """The help of command lines, by the name of the program."""
    code = ALL_HELP.format(words=words, name=name)
    return python("-c", code, COLUMNS=str(COLUMNS), LINES=str(LINES)).split("\f")[:-1]


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_a_screen_and_shows_an_example(verb: str, pages: dict[str, str]) -> None:
    lines = pages[verb].splitlines()
    assert 0 < len(lines) <= LINES, pages[verb]
    assert max(map(len, lines)) <= COLUMNS
    assert "Example" in pages[verb]
    assert pages[verb].count(f"fastapi-maintenance {verb}") >= 2


@pytest.mark.parametrize("name", ["fastapi-maintenance", "kubectl maintenance"])
def test_the_overview_has_groups_with_one_whole_line_for_each_verb(name: str) -> None:
    """At 80 columns none is cut, and none is broken."""
    (page,) = helped(name, [[]])
    shown = page.partition("\nWatch:\n")[2].splitlines()
    lines = [line for line in shown if line.startswith("  ")]
    assert sorted(line.split()[0] for line in lines) == VERBS
    assert all(line.endswith(".") and len(line) <= COLUMNS for line in lines)
    assert not re.search(r"\.\.\.|…", page.partition("Options:")[2])
    assert [line for line in shown if line.endswith(":")] == ["Now:", "Plan:", "Set up:"]


def test_help_loads_no_client_library() -> None:
    """What a person waits for is what they have asked for."""
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from fastapi_maintenance.cli import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules)"
    )
    *shown, modules = python("-c", code).splitlines()
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
