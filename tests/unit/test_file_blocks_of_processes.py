"""Blocks count in every process that shares the file, and end with theirs."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file_blocks
from tests.processes import gone
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]

OTHER = """
import os, signal, sys
from fastapi_maintenance.backends import LocalFileBackend

backend, blocks = LocalFileBackend(sys.argv[1]), {}

def fork():
    child = os.fork()
    if not child:
        signal.alarm(100)
        backend.close_block(blocks["a"])
        print(os.getpid(), flush=True)
        while True:
            signal.pause()

def churn():
    for number in range(100):
        block = backend.open_block(number % 2 == 0)
        assert backend.block() is not None
        backend.close_block(block)

for line in sys.stdin:
    verb, _, name = line.strip().partition(" ")
    if verb in ("on", "off"):
        blocks[name] = backend.open_block(verb == "on")
    elif verb == "close":
        backend.close_block(blocks.pop(name))
    elif verb == "churn":
        churn()
    elif verb == "fork":
        fork()
        continue
    print(backend.block(), flush=True)
"""


class Other:
    """Another process that follows the file; it ends with its standard input."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        self.children: list[int] = []

    def does(self, line: str) -> str:
        """What it says after it has done something."""
        self.tell(line)
        return self.answer()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline().strip()
        assert answer, "it has ended"
        return answer

    def fork(self) -> int:
        self.children.append(int(self.does("fork")))
        return self.children[-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        for child in self.children:
            os.kill(child, signal.SIGKILL)
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "maintenance"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[], Other]]:
    """Starts another process; all are ended."""
    others: list[Other] = []

    def started() -> Other:
        others.append(Other(path))
        return others[-1]

    yield started
    for other in others:
        other.end()


def wait_until_block(backend: LocalFileBackend, value: bool | None) -> None:
    wait_for(lambda: backend.block() is value, what=f"a block that says {value}", interval=0.005)


def is_on(backend: LocalFileBackend) -> bool:
    return backend.decide().reads is not None


def traces(path: Path) -> list[Path]:
    return [found for found in path.parent.rglob("*") if found != path]


def test_blocks_of_two_processes_overlap(path: Path, start: Callable[[], Other]) -> None:
    backend, other = LocalFileBackend(path), start()
    assert other.does("on a") == "True"
    wait_until_block(backend, True)
    block = backend.open_block(True)
    assert other.does("close a") == "True"
    backend.close_block(block)
    wait_for(lambda: other.does("look") == "None", what="the other process to see the end")
    assert backend.block() is None
    assert traces(path) == []


def test_processes_that_come_and_go_do_not_get_in_each_others_way(
    path: Path, start: Callable[[], Other]
) -> None:
    """Each removes the folder after its last block, and what it takes for dead."""
    backend, others = LocalFileBackend(path), [start() for _ in range(3)]
    for other in others:
        other.tell("churn")
    for other in others:
        assert other.answer() in ("None", "True", "False")
    wait_until_block(backend, None)
    assert traces(path) == []


def test_the_innermost_block_decides_across_processes(
    path: Path, start: Callable[[], Other]
) -> None:
    backend, other = LocalFileBackend(path), start()
    on = backend.open_block(True)
    assert other.does("off a") == "False"
    wait_until_block(backend, False)
    later = backend.open_block(True)
    assert backend.block() is True
    backend.close_block(later)
    wait_until_block(backend, False)
    assert other.does("close a") == "True"
    wait_until_block(backend, True)
    backend.close_block(on)
    wait_for(lambda: other.does("look") == "None", what="the other process to see the end")


def test_a_block_ends_with_its_process(path: Path, start: Callable[[], Other]) -> None:
    """Nobody has to ask for it, and what it leaves is removed by whoever looks next."""
    backend, other = LocalFileBackend(path), start()
    other.does("on a")
    wait_until_block(backend, True)
    block = backend.open_block(False)
    other.kill()
    backend.close_block(block)
    wait_until_block(backend, None)
    wait_for(lambda: traces(path) == [], what="the traces to go")


def test_what_a_killed_process_left_is_nothing_to_one_that_starts(
    path: Path, start: Callable[[], Other]
) -> None:
    other = start()
    other.does("on a")
    other.kill()
    assert len(traces(path)) == 2
    assert not is_on(LocalFileBackend(path))
    assert traces(path) == []


def test_a_child_neither_ends_nor_prolongs_the_blocks_of_its_parent(
    path: Path, start: Callable[[], Other]
) -> None:
    backend, other = LocalFileBackend(path), start()
    other.does("on a")
    child = other.fork()  # which has left the block's body too
    assert LocalFileBackend(path).block() is True
    wait_until_block(backend, True)
    other.kill()
    wait_until_block(backend, None)
    assert not gone(child)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_sees_its_parents_block_until_that_ends(path: Path) -> None:
    backend = LocalFileBackend(path)
    block = backend.open_block(True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _tell_two_looks(backend, writing)
    try:
        os.close(writing)
        assert os.read(reading, 1) == b"1"
        assert backend.block() is True
        backend.close_block(block)
        assert os.read(reading, 1) == b"0"
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _tell_two_looks(backend: LocalFileBackend, writing: int) -> None:
    """What the child does; it never returns into the test run."""
    try:
        signal.alarm(60)
        os.write(writing, b"1" if backend.block() else b"0")
        wait_for(lambda: backend.block() is None, interval=0.005)
        os.write(writing, b"0")
    finally:
        os._exit(0)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_waits_for_a_block_that_is_being_opened(path: Path) -> None:
    """Else the child would hold a lock that it does not know of."""
    backend = LocalFileBackend(path)
    forked = threading.Event()

    def fork() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0 if file_blocks.exclusively().acquire(False) else 1)  # type: ignore[attr-defined]
        forked.set()
        statuses.append(os.waitpid(child, 0)[1])

    statuses: list[int] = []
    thread = threading.Thread(target=fork)
    with file_blocks.exclusively():
        thread.start()
        assert not forked.wait(0.1)
    thread.join()
    assert statuses == [0]
    assert backend.block() is None


def test_whatever_keeps_from_looking_ends_no_block(
    path: Path, start: Callable[[], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may have no descriptor left."""
    backend, other = LocalFileBackend(path), start()
    other.does("on a")
    wait_until_block(backend, True)
    for name in ("open", "listdir"):
        monkeypatch.setattr(os, name, mock.Mock(side_effect=OSError(errno.EMFILE, "too many")))
        backend._look_at = 0.0
        assert backend.block() is True
