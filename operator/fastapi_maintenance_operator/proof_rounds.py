"""Rounds of asking the processes of a namespace, and when one is worth it.

Events about processes only ring: what is said rests on lists.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi_maintenance.proof.claim import claim_of
from fastapi_maintenance.proof.processes import Process, news_of, read_process
from fastapi_maintenance.proof.proving import NOT_ACTIVE, Proof, Question, prove
from fastapi_maintenance.windows import occurrence_at

from .api import FAILURES
from .clearing import Clearing, Removed
from .processes_api import Processes
from .proof_snapshots import Clock, Snapshot, Snapshots, Ticks
from .reconcile import Fate, Object, Observed

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a window."""

LEAST_PAUSE = timedelta(seconds=0.25)
"""From one look at a namespace to the next, however many processes report."""
_DETAILS_PAUSE = 5.0
"""Seconds from one write to the next where only counts or messages differ."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one look has proven of a window."""

    proof: Proof = NOT_ACTIVE
    snapshot: Snapshot | None = None
    """None where nothing had to be listed."""
    end: datetime | None = None
    """Of the occurrence that was asked about."""

    @property
    def began(self) -> datetime | None:
        """Before the processes were listed."""
        return self.snapshot.began if self.snapshot else None

    def left(self) -> float | None:
        """See `Snapshot.left`; None: nothing was listed that could be too old."""
        return self.snapshot.left(self.end) if self.snapshot else None


class Rounds:
    """Asks the processes about windows that are open, and clears away those that have ended."""

    def __init__(
        self,
        processes: Processes,
        clock: Clock = lambda: datetime.now(UTC),
        ticks: Ticks = time.monotonic,
    ) -> None:
        self._clearing = Clearing(processes, ticks)
        self._clock = clock
        self._ticks = ticks
        self._snapshots = Snapshots(processes, clock, ticks)
        self._open: dict[str, set[str]] = {}
        """The names of the windows of a namespace that are open."""
        self._looked: dict[str, datetime] = {}
        self._heard: dict[str, tuple[str, Process]] = {}
        """Namespace and last word of each process, by its uid. Only to tell news from heartbeats,
        and whom nobody waits for and nobody hears: no verdict rests on it."""
        self._told: dict[Key, float] = {}
        """When the status of each window was written last."""

    @property
    def heard(self) -> list[tuple[str, Process]]:
        """The last word of each process behind its namespace: to be looked at, never a proof."""
        return list(self._heard.values())

    async def about(self, observed: Observed, fate: Fate, plan: str | None) -> Round:
        """Ask about a window.

        Args:
            observed: as it was read before; the write is to carry its resourceVersion.
            fate: what became of it.
            plan: the text of the plan that stands in etcd, as it was written or read.
        """
        window, namespace, now = observed.window, observed.namespace, self._clock()
        if window is None or window.suspend or occurrence_at(window, now) is None:
            self.forget(namespace, observed.name)
            return Round()
        self._open.setdefault(namespace, set()).add(observed.name)
        snapshot = await self._snapshots.take(namespace)
        self._looked[namespace] = snapshot.ended
        occurrence = occurrence_at(window, snapshot.began)
        if occurrence is None:
            return Round()
        question = Question(
            window,
            occurrence,
            snapshot.began,
            snapshot.ended,
            unplanned(observed, fate, plan),
            observed.uid in _generations(plan or ""),
            claim_of(observed.object),
        )
        return Round(prove(question, snapshot.processes), snapshot, occurrence.end)

    def hear(self, kind: str | None, item: Object) -> tuple[set[Key], datetime]:
        """Which windows an event about a process is news for, and when to look at them."""
        namespace, process = item["metadata"]["namespace"], read_process(item)
        _, before = self._heard.pop(process.uid, (namespace, None))
        if kind != "DELETED":
            self._heard[process.uid] = namespace, process
        is_news = kind == "DELETED" or before is None or news_of(before) != news_of(process)
        keys = {(namespace, name) for name in self._open.get(namespace, ())}
        now = self._clock()
        soon = self._looked.get(namespace, now - LEAST_PAUSE) + LEAST_PAUSE
        return (keys if is_news else set()), max(now, soon)

    def waiting(self) -> set[Key]:
        """The windows that are open, so that their processes are asked."""
        return {(namespace, name) for namespace, names in self._open.items() for name in names}

    def forget(self, namespace: str, name: str) -> None:
        """A window is closed or gone."""
        names = self._open.get(namespace, set())
        names.discard(name)
        if not names:
            self._open.pop(namespace, None)
            self._looked.pop(namespace, None)
        self._told.pop((namespace, name), None)

    def wait(self, observed: Observed, desired: Mapping[str, Any]) -> timedelta:
        """For how long a status need not be written yet: counts alone can wait a little."""
        differs = _without_details(observed.status) != _without_details(desired)
        told = self._told.get((observed.namespace, observed.name))
        if differs or told is None or desired == observed.status:
            return timedelta(0)
        return max(timedelta(0), timedelta(seconds=told + _DETAILS_PAUSE - self._ticks()))

    def wrote(self, observed: Observed) -> None:
        """A status has been written."""
        if observed.name in self._open.get(observed.namespace, ()):
            self._told[observed.namespace, observed.name] = self._ticks()

    async def sweep(self) -> list[Removed]:
        """Clear away, now and then, those that are silent while no window waits for them.

        A container that is started again and again leaves an object behind each time.
        """
        silent: dict[str, list[Process]] = {}
        for namespace, process in self._heard.values():
            if process.is_silent(self._clock()):
                silent.setdefault(namespace, []).append(process)
        removed = []
        for namespace, processes in silent.items():
            try:
                await self._forget_gone(namespace, processes)
                removed += await self.clear(namespace, tuple(filter(self._is_last, processes)))
            except FAILURES as error:
                logger.warning("%s: processes stay that have ended: %s", namespace, error)
        self._clearing.keep(self._heard)
        return removed

    async def _forget_gone(self, namespace: str, silent: Sequence[Process]) -> None:
        """Forget those whose object is gone, which nobody tells whose watch was broken then."""
        snapshot = await self._snapshots.take(namespace)
        present = {process.uid for process in snapshot.processes}
        for process in silent:
            if process.uid not in present and self._is_last(process):
                del self._heard[process.uid]

    def _is_last(self, process: Process) -> bool:
        """Whether it has not spoken, nor gone, since."""
        return process.uid in self._heard and self._heard[process.uid][1] is process

    async def clear(self, namespace: str, suspects: tuple[Process, ...]) -> list[Removed]:
        """Remove those that are proven to have ended.

        Raises:
            ApiException, aiohttp.ClientError, OSError: as the client does.
        """
        removed = await self._clearing.clear(namespace, suspects)
        for each in removed:
            self._heard.pop(each.process.uid, None)
        return removed


def unplanned(observed: Observed, fate: Fate, plan: str | None) -> str | None:
    """Why a plan that stands in etcd lacks this version of a window; None if it has it.

    Args:
        observed: the window.
        fate: what became of it.
        plan: the text of the plan, as it was written or read.
    """
    if fate is not Fate.PLANNED:
        return str(fate)
    planned = _generations(plan or "").get(observed.uid)
    return None if planned == observed.generation else str(Fate.NOT_WRITTEN)


@functools.lru_cache(maxsize=512)
def _generations(plan: str) -> Mapping[str, int]:
    """The generation of each window in a plan, by uid."""
    try:
        return {w["uid"]: int(w["generation"]) for w in json.loads(plan)["windows"]}
    except (ValueError, KeyError, TypeError):
        return {}


def _without_details(status: Mapping[str, Any]) -> object:
    """A status but for the counts, and the messages of what processes say."""
    processes = status.get("processes") or {}
    conditions = [
        {**c, "message": ""} if c["type"] in ("Enforced", "Drained") else c
        for c in status.get("conditions") or ()
    ]
    claim = (processes.get("scope"), processes.get("until"))
    return {**status, "conditions": conditions, "processes": claim}
