"""One look at a window, its operator and its processes: whether what is waited for is so."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.proof.claim import LONGEST_ROUND
from fastapi_maintenance.proof.processes import PLURAL as PROCESSES
from fastapi_maintenance.proof.wording import NONE_REGISTERED

from ._closed import not_open, opens_too_late
from ._cluster import PLAN, Cluster
from ._failures import FAILED, NO_OPERATOR, Failure, explain
from ._hints import at as there
from ._hints import see_operator
from ._judging import LAG, Judgement, by_operator, by_processes, lease_is_fresh
from ._others import elsewhere
from ._output import Progress
from ._seen import Seen, see
from ._times import now, shown
from ._unreported import mend_of

_LEASE_KEPT = 2.0
_GRACE = 10.0
"""Seconds that processes may take to register, before it counts that there are none."""
_TAKEOVER = 45.0
"""Seconds in which another operator takes over, or the same starts anew, before none is counted on.

A standby waits until a Lease was not renewed for twelve; a Pod that starts elsewhere takes longer.
"""
_LAST = 1.0
"""Seconds before the end of the time in which there may be no other look."""
_FORBIDDEN = 403
_SAME = ("uid", "generation")


class NoOperator(Failure):
    """Without one it can't be known."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, see_operator(), NO_OPERATOR)


class NoneReports(Failure):
    """Nobody does, by a name that is asked for.

    Args:
        problem: what is wrong.
        more: what to do; None is left out.
        of_window: what to do about the window, unless it is given up.
        code: how the process exits.
    """

    def __init__(self, problem: str, *more: str | None, of_window: str = "", code: int) -> None:
        self.more = [each for each in more if each]
        super().__init__(problem, "\n  ".join(filter(None, [of_window, *self.more])), code)


@dataclass
class Timer:
    """How long is waited, at most; it runs from when it is made."""

    seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds to the end; negative afterwards."""
        return self.seconds - self.elapsed


@dataclass
class Looks:
    """Looks, one after the other, for the same.

    Args:
        what: ``enforced`` or ``drained``.
        unreported_is_ok: whether it counts where no process reports.
        least: the generation that was written, if one was.
    """

    cluster: Cluster
    name: str
    what: str
    unreported_is_ok: bool
    least: int
    timer: Timer
    progress: Progress
    unanswered: bool = False
    """Whether it was said that no operator answers."""

    def __post_init__(self) -> None:
        self._lagging_since: float | None = None
        self._known_lease: Any = None
        self._lease_until = 0.0

    async def judge(self) -> Judgement:
        """Look once.

        Raises:
            ApiError, Unreachable: as the API server answers, or does not.
            Failure: it can't come to pass.
        """
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
        if not self.unanswered:
            self.unanswered = True
            why = "its Lease is stale" if lease and not lease_is_fresh(lease, at) else "no word yet"
            self.progress.note(
                f"no operator answers ({why}): counting what the processes say themselves"
            )
        try:
            return await self._unmet(seen, await self._proven(seen))
        except NoOperator as error:
            if self._lag() >= _TAKEOVER or self.timer.left <= _LAST:
                raise
            return Judgement(False, "NoOperator", f"{error.problem}: waiting for one")

    async def _proven(self, seen: Seen) -> Judgement:
        """Without an operator.

        Raises:
            NoOperator: that takes one.
        """
        counted = await self._counted(seen)
        if counted.reason == "PlanNotWritten":
            raise NoOperator(
                "no operator answers, and applications here may follow its list of windows (the "
                f"ConfigMap {PLAN}), in which this one is not yet, so they may go on serving"
            )
        return counted

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
        if self.timer.elapsed < min(_GRACE, self.timer.seconds):
            return told
        mend, is_of_all = mend_of(seen, told.message), told.message.endswith(NONE_REGISTERED)
        raise NoneReports(
            told.message,
            mend if is_of_all else None,
            await elsewhere(self.cluster, seen.window.apps if seen.window else ()),
            f"those that report: fastapi-maintenance processes {there(self.cluster.namespace)}; "
            "if none is to be expected: --if-no-processes=ok",
            of_window="" if is_of_all else mend,
            code=NO_OPERATOR if self.unanswered else FAILED,
        )

    async def _counted(self, seen: Seen) -> Judgement:
        """What a list of the processes proves, if the window is still the same afterwards."""
        return await self._borne_out(seen, await self._plan())

    async def _plan(self) -> str | None:
        try:
            return await self.cluster.plan()
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            raise NoOperator(
                "no operator answers, and whether its list of windows has this one may not be "
                f"read, so applications may go on serving: {error.message}"
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
        if (following.start - seen.at).total_seconds() > self.timer.left:
            raise opens_too_late(seen)
        return Judgement(False, "Scheduled", f"opens at {shown(following.start, seen.at)}")
