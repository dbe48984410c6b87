"""Logs as text for people or as JSON for collectors: one line for each event."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TEXT = "%(asctime)s %(levelname)s %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (RFC 3339, UTC), level, logger, message; then what `extra=`
    gave; then the exception with its traceback, if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """A line without line breaks in it, whatever the message holds."""
        instant = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": instant.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _PLAIN and k not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logs(level: str, style: str) -> None:
    """Log to standard error, from `level` on, as "text" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    if level != "DEBUG":  # kopf tells of every task and event of its own
        logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("kopf").addFilter(_is_news)
    logging.getLogger("kopf._core.reactor.running").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """kopf runs in a thread of its own on purpose; signals are for the process around it."""
    return "OS signals are ignored" not in record.getMessage()
