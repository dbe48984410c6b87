"""An environment variable decides, read live."""

from __future__ import annotations

import logging

import pytest

from fastapi_maintenance.backends import EnvVarBackend
from fastapi_maintenance.windows import OFF

VARIABLE = "FASTAPI_MAINTENANCE_MODE"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize("word", ["1", "yes", "Y", "true", "TRUE", "t", "on", "On", " on\n"])
def test_a_true_word_refuses_everything(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv(VARIABLE, word)
    state = EnvVarBackend().state()
    assert state.reads is not None
    assert state.reads == state.writes


@pytest.mark.parametrize("word", ["0", "no", "N", "false", "f", "off", "OFF", "", "  "])
def test_a_false_word_or_none_refuses_nothing(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv(VARIABLE, word)
    assert EnvVarBackend().state() == OFF


@pytest.mark.parametrize("word", ["read-only", "Read-Only "])
def test_read_only_refuses_writes(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv(VARIABLE, word)
    state = EnvVarBackend().state()
    assert state.reads is None
    assert state.writes is not None


def test_no_variable_refuses_nothing() -> None:
    assert EnvVarBackend().state() == OFF


def test_each_change_of_the_variable_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = EnvVarBackend()
    seen = []
    for word in ("on", "off", "read-only"):
        monkeypatch.setenv(VARIABLE, word)
        seen.append(backend.state().writes is not None)
    monkeypatch.delenv(VARIABLE)
    assert [*seen, backend.state().writes is not None] == [True, False, True, False]


def test_the_variable_may_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_CLOSED", "yes")
    assert EnvVarBackend("ORDERS_CLOSED").state().reads is not None
    assert EnvVarBackend().state() == OFF


@pytest.mark.parametrize(("before", "on"), [("on", True), ("off", False), (None, False)])
def test_garbage_keeps_the_last_state(
    monkeypatch: pytest.MonkeyPatch, before: str | None, on: bool
) -> None:
    backend = EnvVarBackend()
    if before:
        monkeypatch.setenv(VARIABLE, before)
    assert (backend.state().reads is not None) is on
    monkeypatch.setenv(VARIABLE, "perhaps")
    assert (backend.state().reads is not None) is on


def test_garbage_is_logged_once_with_variable_and_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = EnvVarBackend()
    monkeypatch.setenv(VARIABLE, "perhaps")
    for _ in range(3):
        backend.state()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    message = record.getMessage()
    assert VARIABLE in message
    assert "'perhaps'" in message
    assert "maintenance is unchanged" in message


def test_garbage_that_changes_is_logged_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = EnvVarBackend()
    for word in ("perhaps", "maybe"):
        monkeypatch.setenv(VARIABLE, word)
        backend.state()
    assert len(caplog.records) == 2


@pytest.mark.anyio
@pytest.mark.parametrize(("word", "value"), [("on", True), ("read-only", False), ("off", False)])
async def test_get_value_is_whether_the_whole_application_is_refused(
    monkeypatch: pytest.MonkeyPatch, word: str, value: bool
) -> None:
    monkeypatch.setenv(VARIABLE, word)
    assert await EnvVarBackend().get_value() is value


def test_starting_and_closing_are_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "on")
    backend = EnvVarBackend()
    backend.start()
    backend.close()
    backend.close()
    assert backend.state().reads is not None
