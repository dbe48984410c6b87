"""`status` without a cluster: as published, whether a variable or a file says on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.commanded import call


@pytest.mark.parametrize(
    ("word", "shown"), [("1", "ON"), ("off", "OFF"), ("", "OFF"), ("read-only", "READ-ONLY")]
)
def test_without_a_cluster_the_variable_is_what_counts(word: str, shown: str) -> None:
    said = call(["status"], FASTAPI_MAINTENANCE_MODE=word)
    assert said.out == f"Maintenance mode is {shown} (env: FASTAPI_MAINTENANCE_MODE)\n"
    assert said.err == ("no cluster was asked: no kubeconfig (set KUBECONFIG or --kubeconfig)\n")


@pytest.mark.parametrize(
    "words", [["-A"], ["-n", "shop"], ["--as", "jane"], ["weekly"]], ids=lambda w: w[0]
)
def test_who_asks_about_a_cluster_is_not_told_of_a_variable(words: list[str]) -> None:
    """A script that asks whether any window is open would take it for a no."""
    said = call(["status", *words], code=1)
    assert said.out == ""
    assert said.err.startswith("error: no cluster: ")


def test_another_variable_is_named_as_published() -> None:
    said = call(["status", "--backend", "env", "--var-name", "DOWN"], DOWN="true")
    assert said.out == "Maintenance mode is ON (env: DOWN)\n"
    assert said.err == ""


def test_a_file_is_named_as_published(tmp_path: Path) -> None:
    path = tmp_path / "maintenance.txt"
    path.write_text("1")
    said = call(["status", "--backend", "file", "--file-path", str(path)])
    assert said.out == f"Maintenance mode is ON (file: {path})\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--backend", "file"], "--backend file needs the file"),
        (["--backend", "redis"], "--backend redis is not known"),
    ],
)
def test_a_switch_that_is_not_named_whole_is_an_error(words: list[str], problem: str) -> None:
    assert problem in call(["status", *words], code=2).err


def test_the_version_is_said_as_published() -> None:
    assert call(["--version"]).out.startswith("fastapi-maintenance ")
