"""A command that is run, on its leash: it is told of signals, and dies with this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ._failures import Failure, Mistyped
from ._hints import run_line
from ._output import forget_terminal

T = TypeVar("T")

_LEASH = Path(__file__).with_name("_leash.py")
_TOLD = [
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__
]
_HANGUP = getattr(signal, "SIGHUP", None)
NOT_EXECUTABLE, NOT_FOUND = 126, 127
_NOTHING = "nothing was stopped"
_TEXT = bytes(range(32, 127)) + b"\t\n\r"
"""What a program is not made of alone."""
TWO_DASHES = "behind two dashes: -- COMMAND…"


def check_command(
    command: Sequence[str], apps: Sequence[str] = (), typed: Sequence[str] = ()
) -> None:
    """Before anything is stopped for it.

    Args:
        command: with its arguments.
        apps: what stands before the two dashes; without them the command is among it.
        typed: the same with its options.

    Raises:
        Failure: there is none, or it can't be run.
    """
    if os.name != "posix":
        mend = "do it in steps: on --wait drained, your command, off"
        raise Failure("`run` needs Linux or macOS", mend)
    if not command:
        raise Mistyped("there is no command to run", _two_dashes(apps, typed))
    if shutil.which(command[0]) is None:
        raise _not_runnable(command[0])
    _check_script(command[0])


def _not_runnable(word: str) -> Failure:
    """As a shell has it: 126 of what is there, 127 of what is not."""
    folders = [""] if "/" in word else os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = next((each for each in (Path(f, word) for f in folders) if each.exists()), None)
    if path is None:
        return Failure(f"{word}: command not found", _NOTHING, NOT_FOUND)
    if path.is_dir():
        return Failure(f"{word} is a directory", _NOTHING, NOT_EXECUTABLE)
    mend = f"make it so: chmod +x {shlex.quote(str(path))}\n  {_NOTHING}"
    return Failure(f"{word} is not executable", mend, NOT_EXECUTABLE)


def _check_script(word: str) -> None:
    """Whether its first line says what is to run it, and that is there."""
    try:
        with open(shutil.which(word) or word, "rb") as script:  # noqa: PTH123
            first = script.readline(256)
    except OSError:  # what may be run need not be readable
        return
    if not first.startswith(b"#!"):
        if not first.strip(_TEXT):
            problem = f"{word}: its first line names no interpreter, such as #!/bin/sh"
            raise Failure(problem, _NOTHING, NOT_EXECUTABLE)
        return
    if first.endswith(b"\r\n"):
        mend = f"convert it: sed -i 's/\\r$//' {shlex.quote(word)}\n  {_NOTHING}"
        raise Failure(f"{word}: its lines end as on Windows", mend, NOT_FOUND)
    named = os.fsdecode(first[2:].split()[0]) if first[2:].split() else ""
    if named and not Path(named).exists():
        problem = f"{word}: its first line names {named}, which is not there"
        raise Failure(problem, _NOTHING, NOT_FOUND)


def _two_dashes(apps: Sequence[str], typed: Sequence[str]) -> str:
    rest = list(apps[1:])
    own = [word for word in typed if word not in rest]
    meant = f"\n  did you mean: {run_line(own, rest)}" if rest else ""
    return f"write it {TWO_DASHES}{meant}"


class Signals:
    """What this process is told meanwhile; it does not end by that.

    Of Ctrl-C the terminal tells the command itself, which is in the same process group: its leash
    tells that from a SIGINT to this process alone.
    """

    def __init__(self) -> None:
        self.last: signal.Signals | None = None
        self.told = asyncio.Event()
        self.child: asyncio.subprocess.Process | None = None
        self._leash = -1

    def came(self) -> bool:
        """Whether there was one."""
        return self.last is not None

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """While this is entered; what is ignored stays so, as SIGHUP below ``nohup``."""
        loop = asyncio.get_running_loop()
        heeded = [number for number in _TOLD if signal.getsignal(number) is not signal.SIG_IGN]
        for number in heeded:
            loop.add_signal_handler(number, self._note, number)
        try:
            yield
        finally:
            for number in heeded:
                loop.remove_signal_handler(number)

    def _note(self, number: signal.Signals) -> None:
        self.last = number
        if number == _HANGUP:
            forget_terminal()
        self.told.set()
        self._pass_on(number)

    def attend(self, child: asyncio.subprocess.Process, leash: int) -> None:
        """Tell a child from now on, by its leash too; at once what came before it was there."""
        self.child, self._leash = child, leash
        if self.last is not None:
            self._pass_on(self.last)

    def _pass_on(self, number: signal.Signals) -> None:
        if self.child is None:
            return
        with contextlib.suppress(ProcessLookupError, BrokenPipeError):
            if number == signal.SIGINT:
                os.write(self._leash, b"\n")
            else:
                self.child.send_signal(number)


class Told(Exception):
    """A signal came."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"{number.name} came")
        self.number = number


async def unless_told(work: Awaitable[T], signals: Signals) -> T:
    """What it comes to, unless a signal comes before that or with it.

    Raises:
        Told: one came; the work was cancelled.
    """
    doing, told = asyncio.ensure_future(work), asyncio.ensure_future(signals.told.wait())
    try:
        await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
        if signals.last is not None:  # even if the work is done as well
            raise Told(signals.last)
        return doing.result()
    finally:
        for each in (doing, told):
            each.cancel()
        await asyncio.gather(doing, told, return_exceptions=True)


async def run_command(command: Sequence[str], signals: Signals) -> int:
    """Run it; gives its exit code, as a shell has it.

    The pipe that holds it is open for as long as this process lives.
    """
    ours, theirs = os.pipe()
    try:
        leash = [sys.executable, "-IS", str(_LEASH), str(ours), *command]
        child = await asyncio.create_subprocess_exec(*leash, pass_fds=[ours])
        os.close(ours)
        signals.attend(child, theirs)
        code = await child.wait()
    finally:
        signals.child = None
        os.close(theirs)
    return code if code >= 0 else 128 - code
