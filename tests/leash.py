"""A process on a leash: it ends with the test run that started it, however that run ends.

Between the two stands a small shim (`leash_shim.py`) that notices the owner's death, even by
`kill -9`. Whatever listens, writes or burns a processor for a test is started through `Leashed`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")
SHIM = Path(__file__).with_name("leash_shim.py")
GRACE = 5.0  # seconds between SIGTERM and SIGKILL once the owner is gone


class Leashed:
    """`command`, running; its output is appended to `log`.

    It runs in a session of its own: a Ctrl-C at the terminal reaches the owner alone, which then
    ends it in its own order.

    Raises:
        OSError: when the command cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        self.returncode: int | None = None
        words = [os.fspath(word) for word in command]
        self._name = Path(words[0]).name
        with log.open("ab") as sink:
            self._start = sink.tell()
            # -I and -S: nothing of the environment or of site-packages delays or alters the shim.
            self._shim = subprocess.Popen(
                [sys.executable, "-IS", SHIM, str(GRACE), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        self.pid = self._first_answer()

    def _first_answer(self) -> int:
        """The child's pid, which the shim says first."""
        assert self._shim.stdout is not None
        answer = self._shim.stdout.readline().decode().strip()
        if answer.isdigit():
            return int(answer)
        self._settle()
        raise OSError(answer.removeprefix("!") or f"{self._name} could not be started")

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        if self.returncode is None and self._shim.poll() is not None:
            self._settle()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended by itself, and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        self._shim.wait(timeout)
        code = self.poll()
        assert code is not None
        return code

    def stop(self, timeout: float = 10) -> int:
        """Ask it to end (SIGTERM) and return the exit code; -9: it had to be killed."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a paused process would never see the SIGTERM
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once (SIGKILL), as a crash or the kernel would."""
        self._signal(signal.SIGKILL)
        return self.wait()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def output(self) -> str:
        """What it has written so far; what was in the log before is left out."""
        with self.log.open("rb") as log:
            log.seek(self._start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 20) -> str:
        """The end of the output, for an error message."""
        return "\n".join(self.output().splitlines()[-lines:])

    def wait_for(self, condition: Callable[[], T], timeout: float = 60, what: str = "") -> T:
        """Wait until `condition` returns something true; give up as soon as the process ends.

        Raises:
            AssertionError: with the end of the log.
        """
        return wait_for(condition, timeout, what or self._name, hopeless=self._obituary)

    def _obituary(self) -> str | None:
        code = self.poll()
        return None if code is None else f"{self._name} exited with {code}:\n{self.tail()}\n"

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _settle(self) -> None:
        """Close what was held open, and note how the child ended.

        A killed shim reports nothing; then its own fate stands for that of its child.
        """
        assert self._shim.stdin is not None
        assert self._shim.stdout is not None
        report = self._shim.stdout.read().decode().strip()
        self._shim.stdin.close()
        self._shim.stdout.close()
        code = self._shim.wait()
        self.returncode = int(report) if report else code

    def __enter__(self) -> Leashed:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self.poll() is None else f"exited {self.returncode}"
        return f"<{self._name} pid={self.pid} {state}>"
