"""Removing the objects of processes that have ended, which only their Pods can prove."""

from __future__ import annotations

import logging
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from fastapi_maintenance.proof.processes import Process

from .processes_api import Processes
from .processes_gone import why_gone
from .proof_snapshots import Ticks

logger = logging.getLogger(__name__)

_MOST_PODS = 10
"""Pods that are looked at in one round."""
_POD_PAUSE = 10.0
"""Seconds from one look at a Pod to the next, for each process."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A process whose object was removed, since it has ended."""

    namespace: str
    process: Process
    why: str


class Clearing:
    """Looks at the Pods of suspects, of each now and then: in turn, where they are many."""

    def __init__(self, processes: Processes, ticks: Ticks) -> None:
        self._processes, self._ticks = processes, ticks
        self._looked: dict[str, float] = {}
        """When the Pod of each process, by its uid, was looked at last."""

    async def clear(self, namespace: str, suspects: Sequence[Process]) -> list[Removed]:
        """Remove those that are proven to have ended.

        Raises:
            ApiException, aiohttp.ClientError, OSError: as the client does.
        """
        now = self._ticks()
        due = sorted((p for p in suspects if self._is_due(p, now)), key=self._looked_at)
        removed = [await self._judge(namespace, process, now) for process in due[:_MOST_PODS]]
        return [each for each in removed if each]

    def keep(self, known: Container[str]) -> None:
        """Forget all processes but those of these uids."""
        self._looked = {uid: at for uid, at in self._looked.items() if uid in known}

    def _is_due(self, process: Process, now: float) -> bool:
        # One that is elsewhere is missing here, and that proves nothing.
        is_here = process.pod is not None and process.pod.namespace is None
        return is_here and now - self._looked_at(process) >= _POD_PAUSE

    def _looked_at(self, process: Process) -> float:
        return self._looked.get(process.uid, -math.inf)

    async def _judge(self, namespace: str, process: Process, now: float) -> Removed | None:
        self._looked[process.uid] = now
        assert process.pod is not None
        why = why_gone(process, await self._processes.get_pod(namespace, process.pod.name))
        if not why or not await self._processes.remove(namespace, process):
            return None
        logger.info("%s/%s (%s) removed: %s", namespace, process.name, process.called, why)
        return Removed(namespace, process, why)
