"""What is printed: colours on a terminal alone, one line that changes there, else a line a news."""

from __future__ import annotations

import sys

import pytest

from fastapi_maintenance.cli._hints import at, note_flags
from fastapi_maintenance.cli._output import Progress, table

ROWS = [("weekly", "Open"), ("move", "Scheduled")]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_has_colours_on_a_terminal_alone(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    table(("NAME", "STATE"), ROWS)
    out = capsys.readouterr().out
    assert ("\x1b[" in out) is terminal
    if not terminal:
        assert out == "NAME     STATE\nweekly   Open\nmove     Scheduled\n"


def test_no_colour_is_no_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://no-color.org"""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    table(("NAME", "STATE"), ROWS)
    assert "\x1b[3" not in capsys.readouterr().out


def test_progress_is_a_line_for_each_news_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress()
    for text in ("two requests", "two requests", "one request", "one request"):
        progress.say(text)
    progress.done()
    assert capsys.readouterr().err == "two requests\none request\n"


def test_progress_rewrites_one_line_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    progress = Progress()
    progress.say("orders-7d9f-x: 1 request, GET /export/{id} since 04:35:05")
    progress.note("said for good")
    progress.done()
    shown = "\r\x1b[Korders-7d9f-x:…since 04:35:05\r\x1b[K" + "said for good\n"
    assert capsys.readouterr().err == shown


def test_commands_that_are_told_act_on_the_same_cluster() -> None:
    """At night the wrong one is one forgotten flag away."""
    note_flags(["--context", "prod eu", "--as", "jane"])
    try:
        assert at("shop") == "-n shop --context 'prod eu' --as jane"
    finally:
        note_flags([])
