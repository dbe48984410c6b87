"""``run``: a command inside of a maintenance, from the drain to the end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable

from ._child import Signals, Told, check_command, run_command, unless_told
from ._closed import lapse_of
from ._cluster import Cluster
from ._commands import COMMAND, TYPED
from ._failures import Failure, known
from ._hints import named, place, run_line
from ._holding import Holder
from ._kinds import title
from ._looking import NoneReports
from ._opening import Opening, fresh_name, open_window
from ._options import Apps, IfNoProcesses, Message, NeededDuration, ReadOnly, Timeout, Unreported
from ._others import meant_by, note_others, note_still, note_unregistered
from ._output import tell, tell_times
from ._retrying import passes, patiently
from ._seen import RUN, Seen, see
from ._times import duration_of, now, shown, until
from ._waiting import TimedOut, Wait
from .end import end_window

T = TypeVar("T")

_UNUSED = "its window is ended, since it is for an app by whose name nobody reports"
_AGAIN = "the same again with a longer --timeout"

DRAIN_TIMED_OUT, RUN_FAILED = 124, 125
_ENDING = 60.0
"""Seconds for which it is tried to end the window."""


class OnFailure(StrEnum):
    """What becomes of the window when the command fails."""

    KEEP = "keep"
    END = "end"


_OnFailure = Annotated[OnFailure, typer.Option(help="What becomes of the window.")]


def check_run(given: dict[str, Any]) -> None:
    """Whether there is a command that can be run, before anything is stopped for it."""
    ctx: typer.Context = given["ctx"]
    command, typed = (list(ctx.meta.get(kept, ())) for kept in (COMMAND, TYPED))
    check_command(command, given["apps"], typed)


async def run(
    cluster: Cluster,
    ctx: typer.Context,
    apps: Apps,
    duration: NeededDuration,
    message: Message = None,
    read_only: ReadOnly = False,
    timeout: Timeout = "10m",
    if_no_processes: IfNoProcesses = Unreported.FAIL,
    on_failure: _OnFailure = OnFailure.KEEP,
) -> None:
    """Drain, run a command, and serve again once it has succeeded.

    The window is ended then; else it stays to its planned end.

    Exit: the command's; 124 not drained in time, 125 `run` itself failed, or the
    window was closed before the command had succeeded.
    """
    command = list(ctx.meta.get(COMMAND, ()))
    length, patience = duration_of(duration), duration_of(timeout, "--timeout")
    opening = Opening(
        tuple(apps), length, RUN, fresh_name(apps, RUN), message, read_only, " ".join(command)[:256]
    )
    tell_times()
    signals = Signals()
    with signals.noted():
        seen = await _opened(cluster, opening, command, signals)
        where = place(seen.namespace)
        tell(f"maintenancewindow/{seen.name} opened in {where} until {until(seen.end, seen.at)}")
        await note_others(cluster, apps, seen.name)
        ok, ends = if_no_processes is Unreported.OK, on_failure is OnFailure.END
        if ok:  # else the wait says it
            await note_unregistered(cluster, apps)
        typed = ctx.meta.get(TYPED, ())
        running = _Run(cluster, seen, command, signals, ends, patience, ok, typed)
        await running.drain(seen.generation)
        await running.execute(Holder(cluster, seen.name, length, signals.came))


@dataclass
class _Run:
    """One run, from its open window on."""

    cluster: Cluster
    seen: Seen
    command: list[str]
    signals: Signals
    ends_on_failure: bool
    patience: timedelta
    unreported_is_ok: bool
    typed: Sequence[str] = ()
    """What stood before the command."""
    _began: bool = False
    """Whether the command was run, so that something may have to be rolled back."""
    _finished: datetime | None = None
    """When it had ended."""
    _end_known: datetime | None = None
    """The last end of the window that is known."""

    async def drain(self, least: int) -> None:
        """Return once nothing from before runs, by a generation of the window or a later one."""
        wait = Wait(
            self.cluster,
            self.seen.name,
            "drained",
            self.patience,
            self.unreported_is_ok,
            least,
            shows_holders=True,
        )
        judged = await self._before(wait.run())
        tell(f"drained: {judged.message}")

    async def _before(self, work: Awaitable[T]) -> T:
        """What is done before the command; where it fails the command is not run."""
        not_run = _not_run(self.command)
        try:
            return await unless_told(work, self.signals)
        except TimedOut as error:
            longer = (
                "" if error.for_good else f"or with more patience: {self._to_end}, then {_AGAIN}"
            )
            await self._fail(DRAIN_TIMED_OUT, error.problem, error.mend, longer, not_run)
        except NoneReports as error:
            more = [await self._meant(), *error.more, not_run, _UNUSED]
            await self._fail(RUN_FAILED, error.problem, *more, ends=True)
        except (Failure, ApiError, Unreachable) as error:
            failure = _itself(error)
            await self._fail(RUN_FAILED, failure.problem, failure.mend, not_run)
        except Told as told:
            await self._fail(128 + told.number, f"{told} before the command was run")

    async def execute(self, holder: Holder) -> None:
        """Run it, and end the window once it has succeeded."""
        async with AsyncExitStack() as stack:
            generation = await self._before(stack.enter_async_context(holder.held()))
            if generation != self.seen.generation:
                await self.drain(generation)
            self._began = True
            code = await run_command(self.command, self.signals)
            self._finished, self._end_known = now(), holder.end
        if code == 0:
            lapse = await self._end()
            self._check_held(holder.lapse or lapse)
            return
        told = f" after {self.signals.last.name}" if self.signals.last else ""
        await self._fail(code, f"the command has failed{told} (exit {code}{_by_signal(code)})")

    def _check_held(self, lapse: str | None) -> None:
        """Whether the window was open until the command had ended."""
        if lapse is not None:
            raise Failure(
                f"{self.seen.name}: the command has succeeded (exit 0), but its window {lapse}, "
                "before that: processes may have served meanwhile",
                "do not run it again unseen: look at what requests have written meanwhile",
                RUN_FAILED,
            )

    async def _fail(self, code: int, problem: str, *more: str, ends: bool = False) -> NoReturn:
        """Say why, and what becomes of the window; leave with a code."""
        if ends or self.ends_on_failure:
            tell("\n  ".join([f"error: {problem}", *filter(None, more)]))
            await self._end()
            raise typer.Exit(code)
        lines = filter(None, [*more, *await self._outlook()])
        raise Failure(f"{self.seen.name}: {problem}", "\n  ".join(lines), code)

    async def _meant(self) -> str:
        """The same of apps that are there; empty where none is like those that were named."""
        meant = await meant_by(self.cluster, self._apps)
        words = [meant.get(word, word) for word in self.typed]
        return f"did you mean: {run_line(words, self.command)}" if meant else ""

    async def _outlook(self) -> list[str]:
        """What the window does from now on, and what can be done."""
        seen, where = await self._now(), named(self.seen.name, self.seen.namespace)
        apps = ", ".join(self._apps)
        if seen is None or seen.current is None:
            return [f"{apps} may serve already: the window {lapse_of(seen)}"]
        stay = "stays" if len(self._apps) == 1 else "stay"
        again = f"serve again: {self._to_end}"
        if self._began:
            again = f"serve again, now or after rolling back: {self._to_end}"
        return [
            f"{apps} {stay} in maintenance until {until(seen.end, seen.at)}",
            again,
            f"take more time: fastapi-maintenance extend {where} --by 30m",
        ]

    @property
    def _to_end(self) -> str:
        return f"fastapi-maintenance end {named(self.seen.name, self.seen.namespace)}"

    @property
    def _apps(self) -> tuple[str, ...]:
        return self.seen.window.apps if self.seen.window else ()

    async def _now(self) -> Seen | None:
        """The window as it is now, None if it is gone; as it was at first where nobody answers."""
        try:
            item = await self.cluster.find_window(self.seen.name)
        except (ApiError, Unreachable):
            return self.seen
        return see(item, now()) if item else None

    async def _end(self) -> str | None:
        """End the window, with some patience where nobody answers; one that is gone has ended.

        Gives how it was not open any more when the command had ended; None: it was.
        """
        deadline = time.monotonic() + _ENDING
        while True:
            try:
                lapse = await self._end_what_is_there()
                break
            except Failure as error:
                raise self._not_ended(error) from error
            except (ApiError, Unreachable) as error:
                if time.monotonic() >= deadline or not passes(error):
                    raise self._not_ended(error) from error
            await asyncio.sleep(1.0)
        await note_still(self.cluster, self._apps, self.seen.name)
        return lapse

    async def _end_what_is_there(self) -> str | None:
        item = await self.cluster.find_window(self.seen.name)
        if item is None:
            tell(f"note: {title(self.seen.name)} was deleted meanwhile: there is nothing to end")
        else:
            await end_window(self.cluster, self.seen.name, tell)
        return lapse_of(see(item, self._finished or now()) if item else None)

    def _not_ended(self, error: Exception) -> Failure:
        at = f" at {shown(self._end_known, now())}" if self._end_known else ""
        return Failure(
            f"the command has ended, and its window could not be: {known(error).problem}",
            f"it ends by itself{at}; sooner, once that is mended: {self._to_end}",
            RUN_FAILED,
        )


async def _opened(cluster: Cluster, opening: Opening, command: list[str], signals: Signals) -> Seen:
    """The window, open; where it can't be, what was not run is told too."""
    try:
        seen, _ = await patiently(lambda: open_window(cluster, opening), signals.came)
    except (Failure, ApiError, Unreachable) as error:
        failure = _itself(error)
        lines = [*filter(None, [failure.mend]), _not_run(command)]
        raise Failure(failure.problem, "\n  ".join(lines), RUN_FAILED) from error
    return seen


def _not_run(command: list[str]) -> str:
    return f"{' '.join(command)[:256]} was not run"


def _itself(error: Exception) -> Failure:
    """Of `run` itself."""
    failure = known(error)
    return Failure(failure.problem, failure.mend, RUN_FAILED)


def _by_signal(code: int) -> str:
    """What a shell's code tells of its end, as SIGKILL where memory ran out."""
    names = {128 + number: number.name for number in signal.Signals}
    return f", by {names[code]}" if code in names else ""
