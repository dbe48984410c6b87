"""Waiting until all processes refuse requests, or have finished those from before."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.proof.claim import LONGEST_ROUND
from fastapi_maintenance.proof.processes import PLURAL as PROCESSES
from fastapi_maintenance.proof.processes import read_process

from ._closed import not_open, opens_too_late
from ._cluster import Cluster
from ._failures import FAILED, NO_OPERATOR, Failure, explain
from ._hints import at as there
from ._hints import see_operator
from ._judging import LAG, Judgement, by_operator, by_processes, holders, lease_is_fresh
from ._output import Progress
from ._retrying import PASSING
from ._seen import Seen, see
from ._times import now, shown
from ._unreported import mend_of

PAUSE = 0.5
"""Seconds between two looks."""
_LEASE_KEPT = 2.0
_USUAL = 2.0
"""Seconds that an operator may take to speak, before that is worth a word."""
_GRACE = 10.0
"""Seconds that processes may take to register, before it counts that there are none."""
_FORBIDDEN = 403
_SAME = ("uid", "generation")


class TimedOut(Failure):
    """It did not come to pass in time."""


@dataclass
class Wait:
    """One wait for a window.

    Args:
        what: ``enforced`` or ``drained``.
        timeout: for how long.
        unreported_is_ok: whether it counts where no process reports.
        least: the generation that was written, if one was.
        shows_holders: whether to say of each process what it has not finished.
    """

    cluster: Cluster
    name: str
    what: str
    timeout: timedelta
    unreported_is_ok: bool = False
    least: int = 0
    shows_holders: bool = False
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._lagging_since: float | None = None
        self._unanswered = False
        """Whether it was said that no operator answers."""
        self._last = Judgement(False, "", "")
        self._holders: list[str] = []
        self._known_lease: Any = None
        self._lease_until = 0.0
        self._answered = self.least > 0
        """Whether the API server has ever answered."""

    async def run(self) -> Judgement:
        """Return once it is so.

        Raises:
            TimedOut: it was not in time.
            Failure: it can't come to pass.
        """
        try:
            while not (await self._look()).met:
                if self._elapsed >= self.timeout.total_seconds():
                    raise self._timed_out()
                await self._tell()
                await asyncio.sleep(PAUSE)
            return self._last
        finally:
            self.progress.done()

    async def _tell(self) -> None:
        """How far it has come, and who holds it with what."""
        if self.shows_holders and self._last.reason == "RequestsRunning":
            with contextlib.suppress(ApiError, Unreachable):
                await self._tell_holders()
        if self._holders == [self._last.message]:
            return  # it was told just now
        if self._last.reason != "Pending" or self._elapsed >= _USUAL:
            self.progress.say(self._last.message)

    async def _tell_holders(self) -> None:
        seen = see(await self.cluster.window(self.name), now())
        items = await self.cluster.processes(self.cluster.namespace)
        held = holders(seen, [read_process(item) for item in items])
        if held != self._holders:
            self._holders = held
            for line in held:
                self.progress.note(f"  {line}")

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    async def _look(self) -> Judgement:
        """One look; what keeps the API server from answering may pass."""
        try:
            self._last = await self._judge()
            self._answered = True
        except Unreachable as error:
            if not self._answered:  # who never was there is not waited for
                raise
            self._last = Judgement(False, "Unreachable", f"no answer, trying again: {error}")
        except ApiError as error:
            if error.status not in PASSING:
                raise
            self._last = Judgement(False, "Unreachable", f"trying again: {error}")
        return self._last

    async def _judge(self) -> Judgement:
        at = now()
        seen = see(await self.cluster.window(self.name), at)
        if int(seen.item["metadata"].get("generation", 0)) < self.least:
            return Judgement(False, "Old", "the API server answers with an older window")
        if seen.current is None:
            return self._closed(seen)
        lease = await self._lease()
        told = by_operator(seen, self.what)
        if told is not None and lease_is_fresh(lease, at):
            self._lagging_since = None
            return await self._told(seen, told, lease)
        return await self._untold(seen, told, lease, at)

    async def _lease(self) -> Any:
        """As it was at most two seconds ago."""
        if time.monotonic() >= self._lease_until:
            self._known_lease = await self.cluster.lease()
            self._lease_until = time.monotonic() + _LEASE_KEPT
        return self._known_lease

    async def _told(self, seen: Seen, told: Judgement, lease: Any) -> Judgement:
        """By an operator that is there; where it may be asked, no process may say otherwise.

        Whose Lease it is, is not certain: that of another namespace's operator may be seen.

        Raises:
            Failure: it is one from elsewhere, and the processes may not be asked.
        """
        if not told.met:
            return await self._unmet(seen, told)
        try:
            return await self._borne_out(seen)
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            if not self.cluster.is_looked_after_by(lease):
                raise self._unsure(lease, error) from error
            return await self._lasting(seen, told)

    def _unsure(self, lease: Any, error: ApiError) -> Failure:
        """That nobody can be asked whose word is certain to be of today."""
        return Failure(
            f"only an operator in namespace {lease['metadata']['namespace']} answers, which may "
            "look after others, and the processes can't be asked: the right "
            f"`list {PROCESSES}` is missing in namespace {self.cluster.namespace}",
            explain(error).mend,
        )

    async def _untold(
        self, seen: Seen, told: Judgement | None, lease: Any, at: datetime
    ) -> Judgement:
        """The operator has not spoken yet, is gone, or can't be seen."""
        lags = self._lag() >= LAG.total_seconds()
        if lease is None and told is not None:
            return await self._unvouched(seen, told, lags)
        if not lags:
            return Judgement(False, "Pending", "waiting for the operator to speak of it")
        if not self._unanswered:
            self._unanswered = True
            why = "its Lease is stale" if lease and not lease_is_fresh(lease, at) else "no word yet"
            self.progress.note(
                f"no operator answers ({why}): counting what the processes say themselves"
            )
        counted = await self._counted(seen)
        if counted.reason == "PlanNotWritten":
            raise Failure(
                "no operator answers, and the plan in this namespace lacks the window, so what "
                "processes say is not enough",
                see_operator(),
                NO_OPERATOR,
            )
        return await self._unmet(seen, counted)

    async def _unvouched(self, seen: Seen, told: Judgement, lags: bool) -> Judgement:
        """Nobody knows whether it lives: what it said is to be borne out by the processes.

        They may prove what it denied, too; who is alive says so sooner, so they are asked every
        ten seconds only. That none reports is asked for at once: a list of none costs nothing.
        """
        if told.met:
            return await self._borne_out(seen)
        if lags or told.reason == "NoProcesses":
            self._lagging_since = None
            with contextlib.suppress(Failure):
                told = await self._counted(seen)
        return await self._unmet(seen, told)

    async def _unmet(self, seen: Seen, told: Judgement) -> Judgement:
        """It is not so yet, as somebody says."""
        return await self._unreported(seen, told) if told.reason == "NoProcesses" else told

    async def _unreported(self, seen: Seen, told: Judgement) -> Judgement:
        """Nobody reports for an app that is named."""
        if self.unreported_is_ok:  # whoever says so has looked at the plan
            return await self._borne_out(seen)
        if self._elapsed < min(_GRACE, self.timeout.total_seconds()):
            return told
        code = NO_OPERATOR if self._unanswered else FAILED
        mend = (
            f"{mend_of(seen, told.message)}\n  "
            f"those that report: fastapi-maintenance processes {there(self.cluster.namespace)}; "
            "if none is to be expected: --if-no-processes=ok"
        )
        raise Failure(told.message, mend, code)

    async def _counted(self, seen: Seen) -> Judgement:
        """What a list of the processes proves, if the window is still the same afterwards."""
        return await self._borne_out(seen, await self._plan())

    async def _plan(self) -> str | None:
        try:
            return await self.cluster.plan()
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            raise Failure(
                "no operator answers, and the plan of this namespace may not be read, so what "
                f"processes say is not enough: {error.message}",
                see_operator(),
                NO_OPERATOR,
            ) from error

    async def _borne_out(self, seen: Seen, plan: str | None = None) -> Judgement:
        """The same where a plan plays no part, since the operator has looked at it."""
        items = await self.cluster.processes(self.cluster.namespace)
        judged = by_processes(
            seen, self.what, items, plan, now(), unreported_is_ok=self.unreported_is_ok
        )
        return await self._lasting(seen, judged) if judged.met else judged

    async def _lasting(self, seen: Seen, judged: Judgement) -> Judgement:
        """What was found, if it is not too old by now, and about the window as it is now."""
        item = await self.cluster.window(self.name)
        again = see(item, now())
        took = again.at - seen.at
        if took > LONGEST_ROUND:
            message = f"looking took {took.total_seconds():.0f} s, so it may not be so any more"
            return Judgement(False, "TooOld", message)
        if any(item["metadata"][key] != seen.item["metadata"][key] for key in _SAME):
            return Judgement(False, "Changed", "the window has changed meanwhile")
        if again.current != seen.current:
            return Judgement(False, "Changed", "the window is not open any more, or opened anew")
        return judged

    def _lag(self) -> float:
        """For how many seconds the status has been behind."""
        if self._lagging_since is None:
            self._lagging_since = time.monotonic()
        return time.monotonic() - self._lagging_since

    def _closed(self, seen: Seen) -> Judgement:
        """One that is to open may be waited for; another never will be what is wanted."""
        following = seen.following
        if following is None:
            raise not_open(seen)
        left = self.timeout.total_seconds() - self._elapsed
        if (following.start - seen.at).total_seconds() > left:
            raise opens_too_late(seen)
        return Judgement(False, "Scheduled", f"opens at {shown(following.start, seen.at)}")

    def _timed_out(self) -> TimedOut:
        held = self._last.message or self._last.reason
        problem = f"not {self.what} after {self.timeout.total_seconds():g} s: {held}"
        place = f"{self.name} {there(self.cluster.namespace)}"
        mend = f"who holds it: fastapi-maintenance processes {place}"
        return TimedOut(problem, mend, NO_OPERATOR if self._unanswered else FAILED)
