"""The process between a test run and what it started. Run by path; only `leash.py` starts it.

It holds one end of a pipe (its standard input) whose other end is the owner's. The kernel closes
that end however the owner dies, `kill -9` included, and then the shim ends its child. A process
cannot be told so reliably of its parent's death in any other portable way.

    python -IS leash_shim.py GRACE_SECONDS COMMAND...

It answers on its standard output: the child's pid, or `!` and why there is none, on a first line,
and the child's exit code on a second. Its standard error is the log, which the child inherits.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def main(grace: float, command: list[str]) -> None:
    """Start `command`, report it, and outlive it only to say how it ended."""
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            process_group=0,  # so that what it starts can be ended with it
            preexec_fn=die_with_parent(),
        )
    except OSError as error:
        say(f"!{command[0]}: {error.strerror}")
        return
    say(str(child.pid))
    leash = threading.Thread(target=hold, args=(child, grace), daemon=True)
    leash.start()
    code = child.wait()
    signal_group(child.pid, signal.SIGKILL)  # what it left behind
    say(str(code))


def say(line: str) -> None:
    """Tell the owner; it may be gone."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), line.encode() + b"\n")


def die_with_parent() -> Callable[[], None] | None:
    """On Linux, have the kernel kill the child when this shim is killed itself."""
    if sys.platform != "linux":
        return None
    libc, shim = ctypes.CDLL(None), os.getpid()  # loaded here: after a fork less is safe

    def arm() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != shim:  # it died between the fork and the line above
            os._exit(1)

    return arm


def hold(child: subprocess.Popen[bytes], grace: float) -> None:
    """Wait for the owner's end of the pipe to close, then end the child."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    signal_group(child.pid, signal.SIGTERM)
    signal_group(child.pid, signal.SIGCONT)  # a stopped process would never see the SIGTERM
    with suppress(subprocess.TimeoutExpired):
        child.wait(grace)
        return
    signal_group(child.pid, signal.SIGKILL)


def signal_group(group: int, number: int) -> None:
    """Signal what is left of a process group, if anything is."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
        os.killpg(group, number)


if __name__ == "__main__":
    # A Ctrl-C, a hang-up or a polite kill is the owner's to handle: the child needs its shim.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # not SIG_IGN: the child would inherit that
    main(float(sys.argv[1]), sys.argv[2:])
