"""What Tab offers behind `kubectl maintenance`."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastapi_maintenance.cli._completion import complete_for_kubectl
from tests.unit.commanded import NOWHERE


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**NOWHERE, "HOME": str(tmp_path)}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    for name in ("COMP_WORDS", "COMP_CWORD", "_FASTAPI_MAINTENANCE_COMPLETE"):
        monkeypatch.setenv(name, "")  # so that it is as before afterwards


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["en"], ["end"]),
        (["wait", "x", "--for", ""], ["enforced", "drained", "ended"]),
        (["on", "--dur"], ["--duration"]),
        (["end", ""], []),
        (["schedule", "x", "y", "--tz", "Europe/Berl"], ["Europe/Berlin"]),
    ],
)
def test_offers_come_as_kubectl_reads_them(
    words: list[str], offered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each, then Cobra's directive: no files. No cluster, no names."""
    complete_for_kubectl(words)
    assert capsys.readouterr().out.splitlines() == [*offered, ":4"]
