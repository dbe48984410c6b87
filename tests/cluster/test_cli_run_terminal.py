"""`run` in a terminal that is closed, and at a server that is not there yet."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from fastapi_maintenance.cli import _leash
from tests.cluster.network import Forwarder
from tests.cluster.test_cli_run import LASTING, end_of, port_of, windows
from tests.controlplane import ports
from tests.processes import gone
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cluster.commanding import Cli
    from tests.controlplane.install import Operator
    from tests.controlplane.target import Cluster


class Terminal:
    """A terminal of its own, in which one command runs; it goes with this process."""

    def __init__(self, command: list[str], kubeconfig: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"KUBECONFIG": str(kubeconfig)},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)

    def output(self) -> str:
        """All that it shows until the command has ended."""
        shown = b""
        with contextlib.suppress(OSError):  # so a terminal ends where nobody has it open any more
            while found := os.read(self._ours, 4096):
                shown += found
        return shown.decode()

    def type(self, keys: bytes) -> None:
        """As a person does; Ctrl-C is 3."""
        os.write(self._ours, keys)

    def close(self) -> None:
        """As when a window is closed, or a line breaks; a second time, it would be another's."""
        ours, self._ours = self._ours, -1
        if ours >= 0:
            os.close(ours)


@pytest.fixture
def terminal(cli: Cli) -> Iterator[Callable[..., Terminal]]:
    """Starts `run` in one; in the end it is closed."""
    started: list[Terminal] = []

    def one(*words: str) -> Terminal:
        command = [sys.executable, "-m", "fastapi_maintenance.cli", "run", "-n", cli.namespace]
        started.append(Terminal([*command, *words], cli.kubectl.kubeconfig))
        return started[-1]

    yield one
    for each in started:
        each.close()
        each.process.kill()
        each.process.wait()


@pytest.mark.parametrize("on_failure", ["keep", "end"])
def test_a_terminal_that_is_closed_ends_the_command_and_what_it_has_started(
    on_failure: str,
    terminal: Callable[..., Terminal],
    cli: Cli,
    operator: Operator,
    tmp_path: Path,
) -> None:
    """The window keeps to its end, unless it is to be ended; nothing can be told to anybody."""
    pid = tmp_path / "pid"
    words = ("orders", "--duration", "5m", "--if-no-processes", "ok", "--on-failure", on_failure)
    running = terminal(*words, "--", "sh", "-c", LASTING.format(pid=pid))
    wait_for(pid.exists, 60, "the command")
    planned = end_of(windows(cli)[0])
    running.close()
    assert running.process.wait(60) == 128 + signal.SIGHUP
    wait_for(lambda: gone(int(pid.read_text())), 60, "what the command has started")
    (window,) = windows(cli)
    assert ("endedAt" in window["spec"]) is (on_failure == "end")
    assert end_of(window) == planned


COUNTING = """
trap 'echo INT >> {count}' INT
touch {began}
until test -e {go_on}; do sleep 0.05; done
"""


def test_an_interrupt_reaches_the_command_once_from_the_terminal_or_from_elsewhere(
    terminal: Callable[..., Terminal], operator: Operator, tmp_path: Path
) -> None:
    """Ctrl-C goes to each process of the group, `kill -INT` to `run` alone."""
    count, began, go_on = (tmp_path / name for name in ("count", "began", "go-on"))
    count.touch()
    script = COUNTING.format(count=count, began=began, go_on=go_on)
    words = ("orders", "--duration", "5m", "--if-no-processes", "ok")
    running = terminal(*words, "--", "sh", "-c", script)
    wait_for(began.exists, 60, "the command")
    running.type(b"\x03")
    wait_for(lambda: count.read_text() == "INT\n", 60, "Ctrl-C to reach it")
    time.sleep(5 * _leash._TOGETHER)  # in which a second one would come
    os.kill(running.process.pid, signal.SIGINT)
    wait_for(lambda: count.read_text() == "INT\n" * 2, 60, "the signal to reach it")
    go_on.touch()
    assert "ended" in running.output()
    assert running.process.wait(60) == 0
    assert count.read_text() == "INT\n" * 2


def test_a_terminal_has_no_times_and_is_the_commands_too(
    terminal: Callable[..., Terminal], cli: Cli, operator: Operator
) -> None:
    """Elsewhere each news begins with its time, since a log is read later."""
    words = ("orders", "--duration", "5m", "--if-no-processes", "ok", "--", "sh", "-c")
    running = terminal(*words, "test -t 0 && echo here")
    lines = running.output().splitlines()
    assert running.process.wait(60) == 0
    assert "here" in lines
    assert lines[0].startswith("maintenancewindow/orders-run-")
    said = cli("run", *words, "test ! -t 0")
    news = [line for line in said.err.splitlines() if "orders-run-" in line]
    assert len(news) == 2
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ m", line) for line in news)


def test_a_server_that_is_not_there_at_first_is_waited_for(
    cli: Cli, cluster: Cluster, operator: Operator, tmp_path: Path
) -> None:
    """For some seconds, and with a word of it."""
    here = yaml.safe_load(cluster.kubeconfig.read_text())
    port = ports.free_port()
    here["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    kubeconfig = tmp_path / "forwarded"
    kubeconfig.write_text(json.dumps(here))
    words = ["orders", "--duration", "5m", "--if-no-processes", "ok", "--", "echo", "migrated"]
    command = [sys.executable, "-m", "fastapi_maintenance.cli", "run", "-n", cli.namespace, *words]
    running = subprocess.Popen(
        command,
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    first = running.stderr.readline()
    forwarder = Forwarder("127.0.0.1", port_of(cluster), port)
    try:
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        forwarder.close()
    assert "the API server does not answer as it should, trying again: " in first
    assert running.returncode == 0, err
    assert out == "migrated\n"
    assert "ended" in err
