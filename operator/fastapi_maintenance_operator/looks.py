"""One look at a plan or a window: what should stand in the cluster is written where it doesn't."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi_maintenance.proof.proving import Proof
from fastapi_maintenance.windows import make_plan

from .agenda import Agenda
from .api import ClusterApi
from .children import parent_status
from .parents import settle
from .plans import PlanChanged
from .proof_rounds import Round, Rounds
from .reconcile import Fate, Object, Observed, desired_status, has_expired, next_edge
from .statuses import Statuses
from .view import View
from .windows import Key

_PLAN_TRIES = 3
"""How often a plan that others write too is written before it waits as after a failure."""


class Looks:
    """Looks at what the agenda says, and notes there when to look again."""

    def __init__(self, api: ClusterApi, view: View, rounds: Rounds, agenda: Agenda) -> None:
        self._api, self._view, self._rounds, self._agenda = api, view, rounds, agenda
        self._statuses = Statuses(api, view.windows, rounds)
        self._too_large: dict[str, frozenset[str]] = {}

    async def at_plan(self, key: Key, now: datetime) -> None:
        """Make a namespace's plan anew.

        Raises:
            PlanChanged: others keep writing it.
        """
        namespace, _ = key
        for _ in range(_PLAN_TRIES):
            windows = self._view.windows.valid(namespace)
            text, too_large = make_plan(windows, now)
            self._leave_out(namespace, too_large)
            unneeded = not windows and namespace not in self._view.plans
            if unneeded or await self._view.plans.publish(namespace, text):
                self._agenda.arrange(key, _next_midnight(now) if windows else None)
                return
            await self._view.list_windows(namespace)
        raise PlanChanged("others keep writing the plan")

    def _leave_out(self, namespace: str, too_large: frozenset[str]) -> None:
        if too_large != self._too_large.get(namespace, frozenset()):
            self._too_large[namespace] = too_large
            self._agenda.mark(self._view.windows.keys(namespace))

    async def at_window(self, key: Key, now: datetime) -> None:
        """Let a window's status be true, or delete the window in its time."""
        observed = self._view.windows.get(key)
        if observed is None:
            self._rounds.forget(*key)
            self._agenda.forget(key)
            return
        # Also where this look fails.
        self._agenda.hasten(key, next_edge(observed, now))
        asked = await self._ask(observed)
        if self._view.windows.get(key) is not observed:
            return  # another version has come, and has its own turn
        await self._write(observed, asked, asked.began or now)

    async def _write(self, observed: Observed, asked: Round, now: datetime) -> None:
        key = observed.key
        failure = await self._settle(observed)
        status = self._status(observed, asked.proof, now)
        wait = self._rounds.wait(observed, status)
        if status != observed.status and not wait:
            self._view.expected[key] = status
            try:
                await self._statuses.write(observed, status, asked, now)
            finally:
                del self._view.expected[key]
            self._agenda.mark(self._view.parents(key))
            self._look_closer(observed)
        latest = self._view.windows.get(key)
        if latest and has_expired(latest, now):
            await self._statuses.expire(latest)  # the watch tells of the deletion
            return
        self._agenda.hasten(key, now + wait if wait else None, asked.proof.look_again)
        if removed := await self._rounds.clear(observed.namespace, asked.proof.suspects):
            self._agenda.mark({key})
            await self._statuses.tell_removed(removed, observed, now)
        if failure:
            raise failure  # now that the status says how far it is

    async def at_processes(self, now: datetime) -> None:
        """Clear away those that have ended, though no window waits for them."""
        await self._statuses.tell_removed(await self._rounds.sweep(), None, now)

    def _look_closer(self, observed: Observed) -> None:
        """Where the answer to a write has another spec than the watch told of."""
        known = self._view.windows.get(observed.key)
        if known and not known.means_as(observed):
            self._agenda.mark(self._view.around(observed.key))

    async def _ask(self, observed: Observed) -> Round:
        """Ask the processes; a parent's children are asked about, each in its namespace."""
        if not observed.namespace:
            return Round()
        plan = self._view.plans.text(observed.namespace)
        return await self._rounds.about(observed, self._fate(observed), plan)

    def _fate(self, observed: Observed) -> Fate:
        namespace = observed.namespace
        if self._agenda.has_failed((namespace, "")):
            return Fate.NOT_WRITTEN
        too_large = observed.uid in self._too_large.get(namespace, frozenset())
        return Fate.TOO_LARGE if too_large else Fate.PLANNED

    async def _settle(self, observed: Observed) -> BaseException | None:
        """Make a parent's children right, as far as that can be done; gives what failed."""
        if observed.namespace:
            return None
        found = self._view.distribution(observed)
        return await settle(self._api, observed, found, lambda item: self._view.take(None, item))

    def _status(self, observed: Observed, proof: Proof, now: datetime) -> Object:
        """The status that a window should have."""
        if observed.namespace:
            return desired_status(observed, self._fate(observed), now, proof)
        return parent_status(observed, self._view.distribution(observed), now)


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
