"""A log line is one event, whoever reads it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from fastapi_maintenance_operator.logs import JsonFormatter, configure_logs

logger = logging.getLogger("trial")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Whatever is configured here ends with the test."""
    root, kopf = logging.getLogger(), logging.getLogger("kopf")
    kept = (list(root.handlers), root.level, kopf.level)
    yield
    root.handlers[:], level, kopf.level = kept
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_json_object_with_the_standard_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO", "json")
    logger.warning("%s opens\nat %d", "lunch", 12)
    (line,) = lines(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "logger": "trial", "message": "lunch opens\nat 12"}


def test_the_time_is_that_of_the_event_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.makeLogRecord({"created": 1780315200.25, "msg": "x"})
    line = json.loads(JsonFormatter().format(record))
    assert line["time"] == "2026-06-01T12:00:00.250Z"
    assert datetime.fromisoformat(line["time"]).timestamp() == record.created


def test_what_an_event_is_about_stands_in_fields_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO", "json")
    logger.info("opened", extra={"namespace": "shop", "window": "lunch", "uid": object})
    (line,) = lines(capsys)
    assert (line["namespace"], line["window"]) == ("shop", "lunch")
    assert isinstance(line["uid"], str)


def test_no_field_can_pass_for_a_standard_one(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")
    logger.info("true", extra={"level": "critical"})
    assert lines(capsys)[0]["level"] == "info"


def test_a_traceback_stays_in_the_line_of_its_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    (line,) = lines(capsys)
    assert line["message"] == "it failed"
    assert line["exception"].splitlines()[-1] == "ValueError: broken"


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "text")
    logger.info("lunch opens")
    assert capsys.readouterr().err.endswith("INFO lunch opens\n")


def test_the_level_is_the_least_that_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("WARNING", "text")
    logger.info("not this")
    assert capsys.readouterr().err == ""


def test_a_warning_of_python_is_logged_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")
    logging.getLogger("py.warnings").warning("deprecated")
    assert lines(capsys)[0]["logger"] == "py.warnings"
    assert sys.modules["warnings"].showwarning.__module__ == "logging"


def test_kopf_is_quiet_unless_it_is_debugged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "text")
    logging.getLogger("kopf.objects").info("a task of its own")
    logging.getLogger("kopf._core.reactor.running").warning("OS signals are ignored: …")
    logging.getLogger("kopf.activities").warning("news")
    assert capsys.readouterr().err.endswith("WARNING news\n")
