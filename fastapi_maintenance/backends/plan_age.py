"""How old a plan is: past its time it is kept to, and somebody should look after the operator."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastapi_maintenance.windows import Fixed, format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi_maintenance.windows import Window

_MOST_NAMES = 5

logger = logging.getLogger(__name__)


class PlanAge:
    """Says once, loudly, that windows of a plan are past their ``validUntil``.

    What was known stays in force: neither is a window that is open closed for it, nor does an
    occurrence that the plan still names fail to open.

    Args:
        source: the plan, as the log names it.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._limits: tuple[tuple[datetime, str], ...] = ()
        self._told: tuple[str, ...] = ()
        self.valid_until = math.inf
        """POSIX seconds from which on there is something more to say."""

    def take(self, windows: Iterable[Window], now: float) -> None:
        """A plan has come, maybe a newer one."""
        limits = ((_limit(window), window.key) for window in windows)
        self._limits = tuple(sorted((limit, key) for limit, key in limits if limit is not None))
        self.look(now, afresh=True)

    def look(self, now: float, *, afresh: bool = False) -> None:
        """See whether time has gone past it (POSIX seconds); one comparison while it has not."""
        if now < self.valid_until and not afresh:
            return
        past = [limit for limit in self._limits if limit[0].timestamp() <= now]
        ahead = (limit.timestamp() for limit, _ in self._limits[len(past) :])
        self.valid_until = next(ahead, math.inf)
        self._tell(past)

    def _tell(self, past: list[tuple[datetime, str]]) -> None:
        keys = tuple(key for _, key in past)
        if set(keys) - set(self._told):
            logger.error(
                "%s: it says nothing of the time from %s on about %s: what is known stays in "
                "force, changes and later occurrences are missed; see that the operator runs",
                self._source,
                format_instant(past[0][0]),
                _few(keys),
            )
        elif self._told and not keys:
            logger.info("%s: it is up to date again", self._source)
        self._told = keys


def _limit(window: Window) -> datetime | None:
    return window.timing.valid_until if isinstance(window.timing, Fixed) else None


def _few(keys: tuple[str, ...]) -> str:
    more = len(keys) - _MOST_NAMES
    return ", ".join(keys[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
