"""Writing what should stand in the cluster about one window: its status, Events, its deletion."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from kubernetes_asyncio import client

from .api import ClusterApi, message_of
from .clearing import Removed
from .events import events
from .proof_events import proof_events, removal_event
from .proof_rounds import Round, Rounds
from .reconcile import Object, Observed
from .windows import Windows

logger = logging.getLogger(__name__)


class Statuses:
    """Writes about windows, and lets what is known of them and of their processes follow."""

    def __init__(self, api: ClusterApi, windows: Windows, rounds: Rounds) -> None:
        self._api, self._windows, self._rounds = api, windows, rounds

    async def write(self, observed: Observed, status: Object, asked: Round, now: datetime) -> None:
        """Write a status, and the Events that it is worth.

        What was proven is told once it stands; all else before, so that no crash swallows it.

        Raises:
            RoundTooOld: what the processes said is too old to be written.
        """
        await self._tell(events(observed, status, now))
        answer = await self._api.apply_status(observed, status, asked.left)
        if answer.get("status") == status:
            answer["status"] = status  # of two that are equal, this one shares its strings
        self._windows.keep(answer)
        self._rounds.wrote(observed)
        await self._tell(proof_events(observed, status, now))

    async def tell_removed(
        self, removed: Iterable[Removed], waiting: Observed | None, now: datetime
    ) -> None:
        """Tell which processes a window waits for no longer, or none did."""
        await self._tell(removal_event(each, waiting, now) for each in removed)

    async def expire(self, observed: Observed) -> None:
        """Delete a window that has finished; the watch tells of it."""
        await self._api.delete_window(observed)
        place = f"{observed.namespace}/{observed.name}"
        logger.info("%s: deleted, as ttlSecondsAfterFinished says", place)

    async def _tell(self, found: Iterable[Object]) -> None:
        for event in found:
            regarding = event["regarding"]
            place = f"{regarding.get('namespace', '')}/{regarding['name']}"
            try:
                await self._api.create_event(event)
            except client.ApiException as error:
                # By a quota, a rate limit, a webhook: what the status says must not wait for that.
                logger.warning("%s: no Event %s: %s", place, event["reason"], message_of(error))
            else:
                logger.info("%s: %s: %s", place, event["reason"], event["note"])
