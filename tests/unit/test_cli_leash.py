"""The leash of a command that is run: its code, its signals, and its asker's death."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fastapi_maintenance.cli import _leash
from tests.processes import descendants, gone
from tests.waiting import wait_for

LEASH = str(Path(_leash.__file__))


class Held:
    """A command on a leash whose other end is in this process."""

    def __init__(self, *command: str) -> None:
        ours, self.end = os.pipe()
        words = [sys.executable, "-IS", LEASH, str(ours), *command]
        self.process = subprocess.Popen(words, pass_fds=[ours], stderr=subprocess.PIPE, text=True)
        os.close(ours)

    def let_go(self) -> None:
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def close(self) -> None:
        self.let_go()
        self.process.wait(30)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def hold() -> Iterator[type[Held]]:
    """Makes them; afterwards none is left."""
    made: list[Held] = []

    class Noted(Held):
        def __init__(self, *command: str) -> None:
            super().__init__(*command)
            made.append(self)

    yield Noted
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["/no/such-command"], 127),
        ([os.devnull], 126),
    ],
)
def test_the_code_is_that_of_a_shell(hold: type[Held], command: list[str], code: int) -> None:
    assert hold(*command).process.wait(30) == code


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_a_signal_to_the_leash_is_passed_on(name: str, hold: type[Held], tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"trap 'exit 9' {name}; touch {ready}; while :; do sleep 0.05; done"
    held = hold("sh", "-c", script)
    wait_for(ready.exists, 30, "the command")
    held.process.send_signal(signal.Signals[f"SIG{name}"])
    assert held.process.wait(30) == 9


COUNTS = "trap 'exit 5' INT; trap 'exit 9' TERM; touch {}; while :; do sleep 0.05; done"


def test_an_interrupt_of_the_asker_alone_is_passed_on(hold: type[Held], tmp_path: Path) -> None:
    """As by `kill -INT`, to a command whose shell waits for what it has started."""
    ready = tmp_path / "ready"
    held = hold("sh", "-c", COUNTS.format(ready))
    wait_for(ready.exists, 30, "the command")
    os.write(held.end, b"\n")
    assert held.process.wait(30) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="whether a pipe was read is asked of Linux")
def test_an_interrupt_that_reached_the_group_is_not_passed_on(
    hold: type[Held], tmp_path: Path
) -> None:
    """A terminal's Ctrl-C came to the command already: two may undo what it does about one."""
    ready = tmp_path / "ready"
    held = hold("sh", "-c", COUNTS.format(ready))
    wait_for(ready.exists, 30, "the command")
    held.process.send_signal(signal.SIGINT)
    os.write(held.end, b"\n")
    wait_for(lambda: unread(held.end) == 0, 30, "the leash to read")
    time.sleep(2 * _leash._TOGETHER)  # in which it would be passed on
    held.process.send_signal(signal.SIGTERM)
    assert held.process.wait(30) == 9


def unread(pipe: int) -> int:
    """How many bytes are in it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_what_is_ignored_stays_so_as_below_nohup(
    hold: type[Held], tmp_path: Path, ignored: signal.Signals
) -> None:
    """A hang-up ends neither the leash nor the command."""
    ready, go_on = tmp_path / "ready", tmp_path / "go-on"
    held = hold("sh", "-c", f"touch {ready}; until test -e {go_on}; do sleep 0.05; done; exit 9")
    wait_for(ready.exists, 30, "the command")
    for pid in (held.process.pid, *descendants(held.process.pid)):
        with suppress(ProcessLookupError):  # its `sleep` has ended
            os.kill(pid, ignored)
    go_on.touch()
    assert held.process.wait(30) == 9


@pytest.fixture
def ignored() -> Iterator[signal.Signals]:
    """A signal that this process and those that it starts ignore."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield signal.SIGHUP
    signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform != "linux", reason="what was started is found by /proc")
def test_when_the_other_end_goes_all_that_was_started_is_ended(
    hold: type[Held], tmp_path: Path
) -> None:
    """Also one that ignores SIGTERM, and one whose own parent has gone before."""
    ready = tmp_path / "ready"
    orphan = "(sh -c 'trap \"\" TERM; sleep 300' & ) ;"
    held = hold("sh", "-c", f"{orphan} sleep 300 & touch {ready}; wait")
    wait_for(ready.exists, 30, "the command")
    wait_for(lambda: len(descendants(held.process.pid)) >= 4, 30, "all that it starts")
    family = descendants(held.process.pid)
    held.let_go()
    wait_for(lambda: all(map(gone, family)), 30, "all of them to end")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG")
def test_the_command_dies_with_the_leash_too(hold: type[Held], tmp_path: Path) -> None:
    held = hold("sleep", "300")
    wait_for(lambda: descendants(held.process.pid), 30, "the command")
    family = descendants(held.process.pid)
    held.process.kill()
    wait_for(lambda: all(map(gone, family)), 30, "it to end")
