"""`run` between the end of the drain and its command: the window's end, and signals."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.cli._child import Signals, Told, run_command, unless_told
from fastapi_maintenance.cli._cluster import Cluster
from fastapi_maintenance.cli._failures import Failure
from fastapi_maintenance.cli._holding import Holder
from fastapi_maintenance.cli._seen import see
from fastapi_maintenance.cli.run import _Run
from fastapi_maintenance.windows import format_instant
from tests.unit.making import stored

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="`run` needs POSIX"),
]

LENGTH = timedelta(minutes=10)


class OneWindow:
    """A cluster that has one window, and no operator that says anything of it."""

    namespace = "shop"

    def __init__(self, lasts: timedelta) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        start, end = format_instant(now - LENGTH), format_instant(now + lasts)
        self.item = stored(apps=["orders"], start=start, end=end)
        self.is_there = True
        self.faults: list[ApiError | Unreachable] = []

    async def find_window(self, name: str) -> dict[str, Any]:
        return await self.window(name)

    async def window(self, name: str) -> dict[str, Any]:
        if self.faults:
            raise self.faults.pop()
        if not self.is_there:
            raise Unreachable("connection refused")
        return self.item

    async def patch_window(self, item: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {**item["metadata"], "generation": item["metadata"]["generation"] + 1}
        self.item = {**item, "metadata": metadata, "spec": {**item["spec"], **spec}}
        return self.item

    async def lease(self) -> None:
        return None

    @property
    def left(self) -> timedelta:
        current = see(self.item, datetime.now(UTC)).current
        assert current is not None
        assert current.end is not None
        return current.end - datetime.now(UTC)


def held_by(window: OneWindow) -> Holder:
    return Holder(cast(Cluster, window), window.item["metadata"]["name"], LENGTH)


def run_of(window: OneWindow, *command: str) -> _Run:
    """One whose drain was proven just now, and that has no patience for another."""
    seen = see(window.item, datetime.now(UTC))
    return _Run(cast(Cluster, window), seen, list(command), Signals(), False, timedelta(0), False)


async def test_the_end_is_far_enough_before_a_command_begins() -> None:
    window = OneWindow(timedelta(seconds=60))
    async with held_by(window).held() as generation:
        assert window.left > timedelta(minutes=2)
        assert generation == 2


async def test_an_end_that_is_far_enough_stays() -> None:
    window = OneWindow(LENGTH)
    async with held_by(window).held() as generation:
        assert generation == 1


@pytest.mark.parametrize(
    "fault", [ApiError(503, "busy"), ApiError(429, "slow"), Unreachable("reset")]
)
async def test_a_fault_that_passes_before_the_command_begins_is_told_and_waited_out(
    fault: ApiError | Unreachable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, however often it is tried."""
    window, ran = OneWindow(LENGTH), tmp_path / "ran"
    window.faults = [fault, fault]
    script = f"touch {ran}; exit 3"
    with pytest.raises(Failure, match="exit 3") as failed:
        await run_of(window, "sh", "-c", script).execute(held_by(window))
    assert failed.value.code == 3
    assert ran.exists()
    assert capsys.readouterr().err.count(f"trying again: {fault}") == 1


async def test_a_command_that_was_ended_by_a_signal_is_told_by_its_name() -> None:
    """As one that needed too much memory."""
    window = OneWindow(LENGTH)
    with pytest.raises(Failure, match=r"\(exit 137, by SIGKILL\)"):
        await run_of(window, "sh", "-c", "kill -KILL $$").execute(held_by(window))


async def test_a_window_that_ended_before_the_command_is_no_clean_success(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also one that was open again when it had ended; the warning says since when it is not."""
    window = OneWindow(LENGTH)
    holder = held_by(window)
    async with holder.held():
        whole = window.item["spec"]["end"]
        ended(window)
        with pytest.raises(Failure, match="was over at") as failed:
            await holder._look()
        holder._complain(failed.value)
        window.item["spec"]["end"] = whole
    assert "The last end" not in capsys.readouterr().err
    with pytest.raises(
        Failure, match=r"succeeded \(exit 0\), but its window was over at "
    ) as failed:
        run_of(window)._check_held(holder.lapse)
    assert failed.value.code == 125


async def test_an_end_that_nobody_could_be_told_is_told_in_plain_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As elsewhere, and when it ends by itself."""
    monkeypatch.setattr("fastapi_maintenance.cli.run._ENDING", 0.1)
    window = OneWindow(LENGTH)
    running = run_of(window, "true")
    holder = held_by(window)

    async def find_window(name: str) -> dict[str, Any]:
        if running._finished is not None:
            window.is_there = False
        return await window.window(name)

    monkeypatch.setattr(window, "find_window", find_window)
    with pytest.raises(Failure, match="the API server can't be reached: ") as failed:
        await running.execute(holder)
    assert failed.value.code == 125
    assert "it ends by itself at " in failed.value.mend


async def test_a_right_that_is_missing_is_not_tried_again() -> None:
    window = OneWindow(LENGTH)
    window.faults = [ApiError(403, "no")]
    with pytest.raises(Failure) as failed:
        await run_of(window, "true").execute(held_by(window))
    assert failed.value.code == 125


async def test_a_hang_up_is_not_heeded_where_it_is_ignored() -> None:
    """Below ``nohup`` a command outlives the terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signals = Signals()
        with signals.noted():
            os.kill(os.getpid(), signal.SIGHUP)
            assert await run_command(["true"], signals) == 0
        assert not signals.came()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def gone(window: OneWindow) -> None:
    window.is_there = False


def ended(window: OneWindow) -> None:
    window.item["spec"]["end"] = format_instant(datetime.now(UTC).replace(microsecond=0))


@pytest.mark.parametrize(
    ("happens", "said", "outlook"),
    [
        (gone, "can't be reached: connection refused", "orders stays in maintenance until"),
        (ended, "was over at", "orders may serve already: the window was over at"),
    ],
)
async def test_a_window_whose_end_is_not_sure_runs_no_command(
    happens: Callable[[OneWindow], None],
    said: str,
    outlook: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fastapi_maintenance.cli._retrying.PATIENCE", 0.1)
    window, ran = OneWindow(LENGTH), tmp_path / "ran"
    running = run_of(window, "touch", str(ran))
    happens(window)
    with pytest.raises(Failure, match=said) as failed:
        await running.execute(held_by(window))
    assert failed.value.code == 125
    assert outlook in failed.value.mend
    assert f"touch {ran} was not run" in failed.value.mend
    assert not ran.exists()


async def test_a_window_that_had_to_be_extended_is_drained_anew(tmp_path: Path) -> None:
    """Here by nobody, in no time: so the command is not run."""
    window, ran = OneWindow(timedelta(seconds=60)), tmp_path / "ran"
    with pytest.raises(Failure, match="not drained after 0 s") as failed:
        await run_of(window, "touch", str(ran)).execute(held_by(window))
    assert failed.value.code == 124
    assert not ran.exists()


async def test_a_signal_that_comes_with_the_end_of_the_work_is_heeded() -> None:
    signals = Signals()

    async def drained() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        await signals.told.wait()
        return "drained"

    with signals.noted(), pytest.raises(Told, match="SIGTERM"):
        await unless_told(drained(), signals)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_from_before_the_command_is_there_reaches_it(number: signal.Signals) -> None:
    """Of Ctrl-C too: the terminal could not tell a command that was not there."""
    signals = Signals()
    with signals.noted():
        os.kill(os.getpid(), number)
        await signals.told.wait()
        code = await run_command(["sleep", "5"], signals)
    assert code == 128 + number
