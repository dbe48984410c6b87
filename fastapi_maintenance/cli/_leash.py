"""Runs a command that dies with whoever asked for it, also by ``kill -9``; run as a script.

    python -IS _leash.py FD COMMAND…

FD is the reading end of a pipe whose other end only the asker holds: its end is the asker's. Then
the command and all that it has started get SIGTERM, and five seconds later SIGKILL. On Linux the
command itself also dies at once with this process (PR_SET_PDEATHSIG), and what it leaves behind is
found since it becomes this process's child (PR_SET_CHILD_SUBREAPER); elsewhere what it has started
is found only while its own parents live.

The command stays in the asker's process group, so that a terminal's Ctrl-C and job control reach it
as ever. What the asker writes into the pipe says that a SIGINT has come to it: where none comes to
this process too, it was no terminal's, and is passed on.

Exit: the command's, 128 and the number of the signal that ended it, 127 not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

_SUBREAPER, _DEATH_SIGNAL = 36, 1
_GRACE = 5.0
_TOGETHER, _LATE = 0.2, 10.0
"""Seconds: how long a Ctrl-C may take to reach all of a group, and the asker to tell of its own."""
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_LINUX = sys.platform == "linux"


def main(pipe: int, command: list[str]) -> int:
    """Run it, and give its exit code."""
    _prctl(_SUBREAPER, 1)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in _heeded():
        signal.signal(number, lambda *_: None)
    own = os.getpid()
    try:
        child = subprocess.Popen(command, preexec_fn=lambda: _die_with_parent(own))
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    return _code(_watch(child, pipe, woken))


def _heeded() -> list[signal.Signals]:
    """What is ignored stays so, in the command too, as SIGHUP below ``nohup``."""
    told = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [signal.SIGCHLD, *(n for n in told if signal.getsignal(n) is not signal.SIG_IGN)]


def _watch(child: subprocess.Popen[bytes], pipe: int, woken: int) -> int:
    """Until it has ended, or the asker has."""
    interrupts = _Interrupts()
    while child.poll() is None:
        readable, _, _ = select.select([pipe, woken], [], [], interrupts.wait())
        if woken in readable:
            numbers = os.read(woken, 512)
            _pass_on(child, numbers)
            interrupts.heard(numbers)
        if pipe in readable:
            if not os.read(pipe, 512):
                _end_all(child)
            interrupts.told()
        if interrupts.are_the_askers():
            _signal_all(child, signal.SIGINT, os.getpgrp())
    return child.returncode


class _Interrupts:
    """Which SIGINT was a terminal's, that reaches the command by itself."""

    def __init__(self) -> None:
        self._heard = self._told = 0.0

    def heard(self, numbers: bytes) -> None:
        """By this process."""
        if signal.SIGINT in numbers:
            self._heard = time.monotonic()

    def told(self) -> None:
        """By the asker, of its own."""
        self._told = time.monotonic()

    def wait(self) -> float | None:
        """Seconds until it is known; None where nothing is to be known."""
        return _TOGETHER if self._told else None

    def are_the_askers(self) -> bool:
        """Whether there was one that came to the asker alone; once of each."""
        if not self._told:
            return False
        if self._heard and self._heard > self._told - _LATE:
            self._heard = self._told = 0.0
            return False
        alone = time.monotonic() >= self._told + _TOGETHER
        if alone:
            self._told = 0.0
        return alone


def _pass_on(child: subprocess.Popen[bytes], numbers: bytes) -> None:
    """What this process alone was told; of a Ctrl-C a terminal tells the command itself."""
    for number in {signal.SIGTERM, signal.SIGHUP} & set(numbers):
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)


def _end_all(child: subprocess.Popen[bytes]) -> None:
    """End it with all that it has started."""
    deadline = time.monotonic() + _GRACE
    _signal_all(child, signal.SIGTERM)
    while time.monotonic() < deadline and _family(child):
        child.poll()
        time.sleep(0.02)
    while _family(child):
        _signal_all(child, signal.SIGKILL)
        child.poll()
        time.sleep(0.02)


def _signal_all(child: subprocess.Popen[bytes], number: int, group: int | None = None) -> None:
    """All of them, or those of a process group."""
    for pid in _family(child):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if group is None or os.getpgid(pid) == group:
                os.kill(pid, number)


def _family(child: subprocess.Popen[bytes]) -> list[int]:
    """The processes that live below this one."""
    parents = _parents()
    if not parents:
        return [child.pid] if child.poll() is None else []
    found, below = [], {os.getpid()}
    while below:
        below = {pid for pid, parent in parents.items() if parent in below}
        found += sorted(below)
    return found


def _parents() -> dict[int, int]:
    """The parent of each process that is not a zombie; empty where there is no /proc."""
    table = {}
    for name in os.listdir("/proc") if _LINUX else ():  # noqa: PTH208
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as stat:  # noqa: PTH123
                state, parent, *_ = stat.read().rpartition(") ")[2].split()
                if state != "Z":
                    table[int(name)] = int(parent)
    return table


def _die_with_parent(parent: int) -> None:
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it died between the fork and the line above
        os._exit(1)
    for number in _heeded():
        signal.signal(number, signal.SIG_DFL)


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
