"""``run``: a command inside of a maintenance, from the drain to the end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable

from ._child import Signals, check_command, run_command
from ._cluster import Cluster
from ._commands import COMMAND
from ._failures import Failure, explain
from ._hints import at as there
from ._holding import Holder
from ._opening import Opening, fresh_name, open_window
from ._options import Apps, IfNoProcesses, Message, ReadOnly, Timeout, Unreported
from ._output import tell
from ._seen import RUN, Seen, see
from ._times import duration_of, now, until
from ._waiting import TimedOut, Wait
from .end import end_window

T = TypeVar("T")

DRAIN_TIMED_OUT, RUN_FAILED = 124, 125
_ENDING = 60.0
"""Seconds for which it is tried to end the window."""


class OnFailure(StrEnum):
    """What becomes of the window when the command fails."""

    KEEP = "keep"
    END = "end"


_OnFailure = Annotated[OnFailure, typer.Option(help="What becomes of the window.")]
_Lasting = Annotated[str, typer.Option(help="Planned, as 30m.", show_default=False)]


async def run(
    cluster: Cluster,
    ctx: typer.Context,
    apps: Apps,
    duration: _Lasting,
    message: Message = None,
    read_only: ReadOnly = False,
    timeout: Timeout = "10m",
    if_no_processes: IfNoProcesses = Unreported.FAIL,
    on_failure: _OnFailure = OnFailure.KEEP,
) -> None:
    """Drain, run a command, and serve again once it has succeeded.

    The window is ended then; else it stays to its planned end.

    Exit: the command's; 124 not drained in time, 125 `run` itself failed.
    """
    command = list(ctx.meta.get(COMMAND, ()))
    length, patience = duration_of(duration), duration_of(timeout, "--timeout")
    check_command(command)
    opening = Opening(
        tuple(apps), length, RUN, fresh_name(apps, RUN), message, read_only, " ".join(command)[:256]
    )
    signals = Signals()
    with signals.noted():
        seen, _ = await open_window(cluster, opening)
        tell(f"maintenancewindow/{seen.name} opened until {_until(seen)}")
        least, ok = int(seen.item["metadata"]["generation"]), if_no_processes is Unreported.OK
        running = _Run(cluster, seen, signals, on_failure is OnFailure.END)
        await running.drain(
            Wait(cluster, seen.name, "drained", patience, ok, least, shows_holders=True)
        )
        await running.execute(command, Holder(cluster, seen.name, length))


@dataclass
class _Run:
    """One run, from its open window on."""

    cluster: Cluster
    seen: Seen
    signals: Signals
    ends_on_failure: bool

    async def drain(self, wait: Wait) -> None:
        """Return once nothing from before runs."""
        try:
            judged = await _unless_told(wait.run(), self.signals)
        except TimedOut as error:
            await self._fail(DRAIN_TIMED_OUT, error.problem, error.mend)
        except (Failure, ApiError, Unreachable) as error:
            failure = _itself(error)
            await self._fail(RUN_FAILED, failure.problem, failure.mend)
        except _Told as told:
            await self._fail(128 + told.number, f"{told} before the command was run")
        else:
            tell(f"drained: {judged.message}")

    async def execute(self, command: list[str], holder: Holder) -> None:
        """Run it, and end the window once it has succeeded."""
        async with holder.held(self.seen):
            code = await run_command(command, self.signals)
        if code == 0:
            await self._end()
            return
        told = f" after {self.signals.last.name}" if self.signals.last else ""
        await self._fail(code, f"the command has failed{told} (exit {code})")

    async def _fail(self, code: int, problem: str, mend: str = "") -> None:
        """Say why, and what becomes of the window; leave with a code."""
        if self.ends_on_failure:
            tell(f"error: {problem}")
            await self._end()
            raise typer.Exit(code)
        name, place = self.seen.name, f"{self.seen.name} {there(self.seen.namespace)}"
        lines = [
            *filter(None, [mend]),
            f"{', '.join(self._apps)} stay in maintenance until {await self._now_until()}",
            f"serve again, now or after rolling back: fastapi-maintenance end {place}",
            f"take more time: fastapi-maintenance extend {place} --by 30m",
        ]
        raise Failure(f"{name}: {problem}", "\n  ".join(lines), code)

    @property
    def _apps(self) -> tuple[str, ...]:
        return self.seen.window.apps if self.seen.window else ()

    async def _now_until(self) -> str:
        """The end as it is now; as it was at first where nobody answers."""
        try:
            return _until(see(await self.cluster.window(self.seen.name), now()))
        except (Failure, ApiError, Unreachable):
            return _until(self.seen)

    async def _end(self) -> None:
        """End the window, with some patience where nobody answers."""
        deadline = time.monotonic() + _ENDING
        while True:
            try:
                await end_window(self.cluster, self.seen.name)
                return
            except (ApiError, Unreachable, Failure) as error:
                if time.monotonic() >= deadline or isinstance(error, Failure):
                    raise self._not_ended(error) from error
            await asyncio.sleep(1.0)

    def _not_ended(self, error: Exception) -> Failure:
        place = f"{self.seen.name} {there(self.seen.namespace)}"
        return Failure(
            f"the command has ended, and the window could not be: {error}",
            f"it ends by itself; sooner: fastapi-maintenance end {place}",
            RUN_FAILED,
        )


class _Told(Exception):
    """A signal came."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"{number.name} came")
        self.number = number


async def _unless_told(work: Awaitable[T], signals: Signals) -> T:
    """What it comes to, unless a signal comes first.

    Raises:
        _Told: one came; the work was cancelled.
    """
    doing, told = asyncio.ensure_future(work), asyncio.ensure_future(signals.told.wait())
    try:
        await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        assert signals.last is not None
        raise _Told(signals.last)
    finally:
        for each in (doing, told):
            each.cancel()
        await asyncio.gather(doing, told, return_exceptions=True)


def _itself(error: Exception) -> Failure:
    """Of `run` itself."""
    known = explain(error) if isinstance(error, ApiError | Unreachable) else error
    assert isinstance(known, Failure)
    return Failure(known.problem, known.mend, RUN_FAILED)


def _until(seen: Seen) -> str:
    return until(seen.current.end if seen.current else None, seen.at)
