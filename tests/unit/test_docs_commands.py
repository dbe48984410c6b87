"""Each command of the documentation exists, with the options that it is given.

What can't run in a unit test is held against what it would call: the Makefile, kubectl's and the
command line's own parsers, the chart's values, the extras of the package.
"""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from fastapi_maintenance.cli._app import app
from fastapi_maintenance.windows import load_documents
from tests.controlplane.kubectl import find_kubectl
from tests.documentation import ROOT, Block, blocks, spoken_commands
from tests.shell import commands, documents
from tests.unit.commanded import NOWHERE, invoke

SHELL = blocks("sh", "console")
ALONE = ("$ fastapi-maintenance explain", "$ fastapi-maintenance schedule")
SHOWN = [b for b in SHELL if b.text.startswith(ALONE) and b.text.count("\n$ ") == 0]
SPOKEN = ("fastapi-maintenance", "helm", "kubectl", "make")
EVERYDAY = {
    "alembic", "cd", "curl", "echo", "eval", "exec", "exit", "export", "git", "kill", "mkdir",
    "mv", "openssl", "printf", "rm", "sha256sum", "source",
}  # fmt: skip
"""Not ours to check."""
NESTED = {"auth", "config", "create", "rollout", "set"}
"""Verbs of kubectl that have verbs of their own."""


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def help_of(*verb: str) -> str:
    """What kubectl says of a verb, and of what all verbs have."""
    words = [find_kubectl(), *verb, "--help"] if verb else [find_kubectl(), "options"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def has_option(text: str, word: str) -> bool:
    name = re.escape(word.split("=")[0])
    return re.search(rf"(?<![\w-]){name}(?![\w-])", text) is not None


def check_make(words: list[str]) -> None:
    given = words[3:] if words[1] == "-C" else words[1:]
    named = [word for word in given if "=" not in word]
    assert named, words
    assert set(named) <= targets(), words


def check_kubectl(words: list[str]) -> None:
    rest = words[1:]
    while rest and rest[0].startswith("-"):  # -n shop
        assert has_option(help_of(), rest[0]), words
        rest = rest[1 if "=" in rest[0] else 2 :]
    if rest[0] == "maintenance":
        check_ours(rest)
        return
    if "--" in rest:
        rest = rest[: rest.index("--")]
    options = [word for word in rest if word.startswith("-") and word != "-"]
    is_nested = rest[0] in NESTED and rest[1:] and not rest[1].startswith("-")
    verb = rest[: 2 if is_nested else 1]
    told = help_of(*verb) + help_of()
    assert "Usage:" in told, words
    for option in options:
        assert has_option(told, option), f"{option} of {words}"


def check_ours(words: list[str]) -> None:
    """By the parser itself; nothing is run."""
    group: Any = typer.main.get_command(app)
    command, rest = group, words[1:]
    if rest and not rest[0].startswith("-"):
        command, rest = group.get_command(group.context_class(group), rest[0]), rest[1:]
        assert command is not None, f"no verb {words[1]}: {words}"
    if "--" in rest:
        rest = rest[: rest.index("--")]
    known = {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
    for word in rest:
        assert not word.startswith("-") or word.split("=")[0] in known | {"-h", "--help"}, words


def check_helm(words: list[str]) -> None:
    """A chart that is named must be there, and what is set a value of it."""
    assert words[1] in {"install", "upgrade", "uninstall", "rollback", "template", "test"}, words
    charts = [word for word in words if word.startswith(("charts/", "examples/"))]
    for chart in charts:
        values = yaml.safe_load((ROOT / chart / "values.yaml").read_text())
        for word, following in itertools.pairwise(words):
            if word == "--set":
                look_up(values, following.split("=")[0])


def look_up(values: Any, path: str) -> None:
    for name in path.split("."):
        name = re.sub(r"\[\d+\].*|\{.*", "", name)
        assert name in values, path
        values = values[name]


def check_python(words: list[str]) -> None:
    """A module of ours, of the folder that the README is in, or of a library."""
    assert words[1] == "-m", words
    found = importlib.util.find_spec(words[2].partition(".")[0])
    here = [*ROOT.glob(f"examples/*/{words[2]}.py")]
    assert found or here, words


def check_pip(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in words[2:]:
        if extras := re.search(r"(?:fastapi-maintenance|\.|CLONE\})\[(.*)\]", word):
            assert set(extras[1].split(",")) <= set(project["optional-dependencies"]), words


def check_uvicorn(words: list[str]) -> None:
    """An application of the folder that is named, or of the one that the reader is in."""
    assert re.fullmatch(r"\w+:app", words[-1]), words
    if words[1] == "--app-dir":
        assert (ROOT / words[2] / "app.py").exists(), words


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": check_make,
    "kubectl": check_kubectl,
    "fastapi-maintenance": check_ours,
    "helm": check_helm,
    "python": check_python,
    "python3": check_python,
    "pip": check_pip,
    "uvicorn": check_uvicorn,
}


@pytest.mark.parametrize("block", [*SHELL, *spoken_commands(*SPOKEN)], ids=str)
def test_each_command_of_the_documentation_exists(block: Block) -> None:
    for words in commands(block):
        name = Path(words[0]).name
        if name not in EVERYDAY:
            assert name in CHECKS, f"say how {name} is checked: {words}"
            CHECKS[name](words)


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_what_a_command_is_shown_to_say_it_says(block: Block) -> None:
    """Those that need no cluster; what goes to standard error is shown nowhere."""
    prompt, _, shown = block.text.partition("\n")
    words = shlex.split(prompt.removeprefix("$ "))[1:]
    told = invoke(words, {**NOWHERE, "COLUMNS": "200", "HOME": "/nowhere"})
    assert told.stdout == shown
    assert told.exit_code == 0


def test_there_are_commands_to_run() -> None:
    assert len(SHOWN) >= 2
    assert len(spoken_commands(*SPOKEN)) >= 100


@pytest.mark.parametrize("block", [b for b in SHELL if documents(b)], ids=str)
def test_manifests_within_commands_are_valid(block: Block) -> None:
    for text in documents(block):
        load_documents(re.sub(r"\$\(date[^)]*\)", "2026-06-01T22:00:00Z", text))


@pytest.mark.parametrize(
    "line",
    [
        "make nothing",
        "kubectl wait --for-ever mw/x",
        "kubectl -n shop create rolebinding x --clusterroles=y",
        "fastapi-maintenance on orders --lasting 2h",
        "kubectl maintenance onto orders",
        "helm install x charts/fastapi-maintenance --set nothing=1",
        "python -m fastapi_maintenance_operators",
        "pip install '.[nothing]'",
        'pip install "${CLONE}[nothing]"',
        "make -C elsewhere nothing",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    (words,) = commands(Block(ROOT / "README.md", 1, "sh", line))
    with pytest.raises(AssertionError):
        CHECKS[words[0]](words)
