"""A cluster that is left running: `up` starts it, `down` ends it, `serve` is it.

Which one is said by `Standing`: the plain control plane, or the node of `tests/node`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.holding import gate, holder, holder_inside
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0  # seconds for everything to be ready


@dataclass(frozen=True)
class Standing:
    """What is left running: the module whose command `serve` is it, what people call it, where."""

    module: str
    title: str
    folder: Path


CONTROL_PLANE = Standing("tests.controlplane", "control plane", ROOT / ".cluster")


def say(text: str) -> None:
    """Progress goes to standard error: standard output is for `eval`."""
    print(text, file=sys.stderr, flush=True)


def up(folder: Path, until_exit_of: int | None = None, standing: Standing = CONTROL_PLANE) -> None:
    """Have a cluster run in `folder`; the last line printed tells the shell of it.

    Raises:
        UnavailableError: it does not start.
    """
    server, log = None, folder / "serve.log"
    with gate(folder), log.open("ab") as sink:
        seen = sink.tell()
        if holder_inside(folder) is None:
            say(f"Starting a {standing.title} in {folder} …")
            server = _spawn(folder, sink, until_exit_of, standing)
        else:
            say(f"A {standing.title} is up in {folder} already.")
    try:
        _await(folder, server, seen, standing)
    except KeyboardInterrupt:
        if server:
            server.terminate()
        raise
    path = shlex.quote(str(folder / "kubeconfig"))
    # An application uses no kubeconfig unless it is named by the second of them.
    print(f"export KUBECONFIG={path} FASTAPI_MAINTENANCE_KUBECONFIG={path}", flush=True)


def _spawn(
    folder: Path, log: IO[bytes], until_exit_of: int | None, standing: Standing
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", standing.module, "serve", "--folder", str(folder)]
    if until_exit_of is not None:
        command += ["--until-exit-of", str(until_exit_of)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=ROOT,
        start_new_session=True,
    )


def _await(
    folder: Path, server: subprocess.Popen[bytes] | None, seen: int, standing: Standing
) -> None:
    """Wait until it is ready, passing on what it says meanwhile; `seen` bytes of it are old."""

    def ready() -> bool:
        # In this order: who holds the folder has removed an earlier one's mark before, and has
        # said all before it leaves its own.
        whole = holder(folder) is not None and (folder / "ready").exists()
        pass_on()
        return whole

    def pass_on() -> None:
        nonlocal seen
        with (folder / "serve.log").open("rb") as log:
            log.seek(seen)
            sys.stderr.write(log.read().decode(errors="replace"))
            seen = log.tell()

    def ended() -> str | None:
        # Ours may have found that another was quicker; then that one is waited for.
        over = (server is None or server.poll() is not None) and holder(folder) is None
        return f"it ended; its logs are in {folder}" if over else None

    try:
        wait_for(ready, PATIENCE, f"the {standing.title}", hopeless=ended)
    except AssertionError as error:
        raise UnavailableError(str(error)) from error


def down(folder: Path, standing: Standing = CONTROL_PLANE) -> None:
    """End the cluster in `folder`, if one runs there, and remove the folder.

    Raises:
        UnavailableError: it does not end.
    """
    pid = holder(folder)
    if pid is None:
        say(f"Nothing is up in {folder}.")
    else:
        _end(folder, pid)
        say(f"The {standing.title} in {folder} has ended.")
    if folder.exists():
        with gate(folder):
            if holder_inside(folder) is None:  # else somebody has called `up` since
                shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path, pid: int) -> None:
    for number, seconds in ((signal.SIGTERM, 60), (signal.SIGKILL, 30)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        with suppress(AssertionError):
            wait_for(lambda: holder(folder) != pid, seconds, "its end")
            return
    raise UnavailableError(f"process {pid} does not end")
