"""Waiting until all processes refuse requests, or have finished those from before."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.proof.processes import read_process

from ._cluster import Cluster
from ._failures import FAILED, NO_OPERATOR, Failure
from ._hints import named
from ._judging import Judgement, holders
from ._looking import Looks, Timer
from ._output import Progress
from ._retrying import PASSING
from ._seen import see
from ._times import now
from ._unreported import mend_of_silence

PAUSE = 0.5
"""Seconds between two looks."""
_MOST = 3
"""Silent processes that are told."""
_USUAL = 2.0
"""Seconds that an operator may take to speak, before that is worth a word."""


class TimedOut(Failure):
    """It did not come to pass in time; it may in more, unless somebody is silent for good."""

    def __init__(self, problem: str, mend: str, code: int, *, for_good: bool = False) -> None:
        super().__init__(problem, mend, code)
        self.for_good = for_good


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
        self._timer = Timer(self.timeout.total_seconds())
        self._looks = Looks(
            self.cluster,
            self.name,
            self.what,
            self.unreported_is_ok,
            self.least,
            self._timer,
            self.progress,
        )
        self._last = Judgement(False, "", "")
        self._holders: list[str] = []
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
                if self._timer.left <= 0:
                    raise await self._timed_out()
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
        if self._last.reason != "Pending" or self._timer.elapsed >= _USUAL:
            self.progress.say(self._last.message)

    async def _tell_holders(self) -> None:
        seen = see(await self.cluster.window(self.name), now())
        items = await self.cluster.processes(self.cluster.namespace)
        held = holders(seen, [read_process(item) for item in items])
        if held != self._holders:
            self._holders = held
            for line in held:
                self.progress.note(f"  {line}")

    async def _look(self) -> Judgement:
        """One look; what keeps the API server from answering may pass."""
        try:
            self._last = await self._looks.judge()
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

    async def _timed_out(self) -> TimedOut:
        held = self._last.message or self._last.reason
        problem = f"not {self.what} after {self.timeout.total_seconds():g} s: {held}"
        place = named(self.name, self.cluster.namespace)
        mend = f"who holds it: fastapi-maintenance processes {place}"
        is_silent = self._last.reason == "ProcessSilent"
        if is_silent:
            mend = "\n  ".join([mend, *await self._silenced()])
        code = NO_OPERATOR if self._looks.unanswered else FAILED
        return TimedOut(problem, mend, code, for_good=is_silent)

    async def _silenced(self) -> list[str]:
        """What strikes out those who are not heard any more, each by its name if that is known."""
        silent = ["POD"]
        with contextlib.suppress(ApiError, Unreachable):
            items = map(read_process, await self.cluster.processes(self.cluster.namespace))
            silent = sorted(p.called for p in items if p.is_silent(now())) or silent
        return [mend_of_silence(self.cluster.namespace, each) for each in silent[:_MOST]]
