"""A server that a test may stop, kill, freeze and start again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.leash import Leashed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PATIENCE = 180.0  # seconds to become ready; a twentieth of it is normal


class Daemon:
    """`command`, which can be started any number of times; its logs follow each other in `log`.

    It is `ready` when that returns something true. A restart is the same command again, and so
    keeps data, port and certificates.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], object],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = log.stem
        self.log = log
        self._command, self._ready, self._cwd, self._env = command, ready, cwd, env
        self._process: Leashed | None = None

    @property
    def running(self) -> bool:
        """Whether the process exists; a paused one does."""
        return self._process is not None and self._process.poll() is None

    @property
    def started(self) -> bool:
        """Whether it has ever been started."""
        return self._process is not None

    @property
    def process(self) -> Leashed:
        """The process last started."""
        assert self._process is not None, f"{self.name} has never been started"
        return self._process

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return self.process.pid

    def start(self) -> None:
        """Start it unless it runs, and wait until it is ready.

        Raises:
            AssertionError: it exited, or took too long; with the end of its log.
        """
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start it unless it runs, without waiting."""
        if not self.running:
            self._process = Leashed(self._command, log=self.log, env=self._env, cwd=self._cwd)

    def wait_ready(self, timeout: float = PATIENCE) -> None:
        """Wait until it is ready (again)."""
        self.process.wait_for(self._ready, timeout, f"{self.name} to be ready")

    def stop(self, timeout: float = 60) -> int:
        """End it politely (SIGTERM) and return the exit code; -9: it had to be killed."""
        return self.process.stop(timeout)

    def kill(self) -> int:
        """End it as a crash would (SIGKILL)."""
        return self.process.kill()

    def restart(self) -> None:
        """Stop it, start it, and wait until it is ready."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, and nothing is answered."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on after a pause."""
        self.process.resume()

    def output(self) -> str:
        """All that it has logged, over all starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def __repr__(self) -> str:
        return repr(self._process) if self._process else f"<{self.name} never started>"
