"""Blocks of code beside a file: at once, in their order, and without a trace."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from unittest import mock

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file, file_blocks
from fastapi_maintenance.backends.base import StateNotWritten
from fastapi_maintenance.windows import OFF
from tests.unit.making import manifest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "maintenance"


def is_on(backend: LocalFileBackend) -> bool:
    return backend.decide().reads is not None


def traces(path: Path) -> list[Path]:
    return [found for found in path.parent.rglob("*") if found != path]


def test_a_block_governs_the_next_request_of_each_object_on_the_file(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    backends = [LocalFileBackend(path), LocalFileBackend(path), LocalFileBackend(link)]
    block = backends[0].open_block(True)
    assert [is_on(backend) for backend in backends] == [True] * 3
    backends[0].close_block(block)
    assert [is_on(backend) for backend in backends] == [False] * 3


def test_the_innermost_block_that_is_open_decides(path: Path) -> None:
    path.write_text("on")
    backend = LocalFileBackend(path)
    said = []
    outer = backend.open_block(True)
    said.append(backend.block())
    inner = backend.open_block(False)
    said.append(backend.block())
    backend.close_block(outer)
    said.append(backend.block())
    assert not is_on(backend)
    backend.close_block(inner)
    said.append(backend.block())
    assert said == [True, False, False, None]
    assert is_on(backend)


def test_a_block_wins_over_what_is_fixed(path: Path) -> None:
    backend = LocalFileBackend(path)
    on = backend.open_block(True)
    assert backend.decide(OFF).reads is not None
    backend.close_block(on)
    assert backend.decide(OFF) is OFF


def test_blocks_leave_no_trace_and_never_write_the_file(path: Path) -> None:
    backend = LocalFileBackend(path)
    first, second = backend.open_block(True), backend.open_block(False)
    assert len(traces(path)) == 3
    backend.close_block(first)
    backend.close_block(second)
    assert traces(path) == []
    assert not path.exists()


def test_reading_makes_nothing(path: Path) -> None:
    backend = LocalFileBackend(path)
    for _ in range(3):
        backend._look_at = 0.0
        assert backend.block() is None
    assert traces(path) == []


def test_between_two_looks_a_block_is_known_without_a_system_call(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_LOOK_EVERY", 1000.0)
    backend = LocalFileBackend(path)
    backend.block()
    for name in ("listdir", "stat", "readlink", "open"):
        monkeypatch.setattr(os, name, mock.Mock(side_effect=AssertionError(name)))
    assert backend.block() is None
    assert backend.decide() is OFF


def test_a_manifest_can_have_blocks(path: Path) -> None:
    text = str(manifest(start="2026-06-01T12:00:00Z", duration="1h"))
    path.write_text(text)
    backend = LocalFileBackend(path)
    block = backend.open_block(True)
    assert is_on(backend)
    backend.close_block(block)
    assert not is_on(backend)
    assert path.read_text() == text


def test_a_block_that_is_closed_twice_is_closed(path: Path) -> None:
    backend = LocalFileBackend(path)
    other = backend.open_block(True)
    block = backend.open_block(False)
    backend.close_block(block)
    backend.close_block(block)
    assert backend.block() is True
    backend.close_block(other)


def test_many_threads_may_have_blocks(path: Path) -> None:
    backends = [LocalFileBackend(path) for _ in range(2)]
    wrong = []

    def work(backend: LocalFileBackend) -> None:
        for _ in range(25):
            block = backend.open_block(True)
            if backend.block() is not True:
                wrong.append(backend)
            backend.close_block(block)

    threads = [threading.Thread(target=work, args=(backends[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [backend.block() for backend in backends] == [None, None]
    assert traces(path) == []


def test_a_block_stays_open_for_its_process_when_its_trace_is_removed(path: Path) -> None:
    backend = LocalFileBackend(path)
    block = backend.open_block(True)
    folder, trace = sorted(traces(path))
    trace.unlink()
    folder.rmdir()
    backend._look_at = 0.0
    assert backend.block() is True
    second = backend.open_block(False)
    assert backend.block() is False
    backend.close_block(second)
    backend.close_block(block)
    assert backend.block() is None


@pytest.mark.parametrize("name", ["notes.txt", "000000000001-on-xyz", "9-on-00000000"])
def test_a_foreign_file_in_the_folder_is_no_block_and_stays(path: Path, name: str) -> None:
    folder = path.with_name(".maintenance.blocks")
    folder.mkdir()
    (folder / name).touch()
    backend = LocalFileBackend(path)
    assert backend.block() is None
    block = backend.open_block(True)
    backend.close_block(block)
    assert [found.name for found in folder.iterdir()] == [name]


def test_a_missing_folder_is_told_with_the_mend(path: Path) -> None:
    missing = path / "switch"
    backend = LocalFileBackend(missing)
    with pytest.raises(StateNotWritten) as error:
        backend.open_block(True)
    assert str(error.value) == f"{missing}: No such file or directory: make the folder {path}"
    assert backend.block() is None
    assert traces(path) == []


@pytest.mark.parametrize(
    ("where", "number", "mend"),
    [
        ("os.mkdir", errno.EACCES, "let this process write in the folder {folder}"),
        ("os.mkdir", errno.EROFS, "mount {folder} so that it can be written"),
        ("os.open", errno.ENOSPC, "free some space in {folder}"),
        ("fcntl.flock", errno.ENOLCK, "keep it on a file system that can lock files"),
    ],
)
def test_a_block_that_cannot_be_told_of_is_not_opened(
    path: Path, where: str, number: int, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patched: the superuser may write everywhere."""
    backend = LocalFileBackend(path)
    with monkeypatch.context() as patch:
        patch.setattr(where, mock.Mock(side_effect=OSError(number, os.strerror(number))))
        with pytest.raises(StateNotWritten) as error:
            backend.open_block(True)
    assert str(error.value) == (f"{path}: {os.strerror(number)}: {mend.format(folder=path.parent)}")
    assert backend.block() is None
    assert traces(path) == []


def test_a_folder_that_is_removed_at_the_wrong_moment_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has just closed its last block."""
    hold, tries = file_blocks._hold, iter([True, True, False])

    def removing(name: str) -> int | None:
        if next(tries):
            Path(name).parent.rmdir()
        return hold(name)

    monkeypatch.setattr(file_blocks, "_hold", removing)
    backend = LocalFileBackend(path)
    block = backend.open_block(True)
    assert len(traces(path)) == 2
    backend.close_block(block)


def test_a_trace_that_is_taken_for_a_dead_one_before_it_is_locked_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chmod, tries = os.fchmod, iter([True, False])

    def looking(descriptor: int, mode: int) -> None:
        chmod(descriptor, mode)
        if mode == 0o644 and next(tries):
            (trace,) = path.with_name(".maintenance.blocks").iterdir()
            assert not file_blocks._lives(os.fspath(trace))

    monkeypatch.setattr(os, "fchmod", looking)
    backend = LocalFileBackend(path)
    block = backend.open_block(True)
    assert len(traces(path)) == 2
    backend.close_block(block)
    assert traces(path) == []


def test_a_folder_that_never_stays_is_an_error_and_no_endless_loop(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.with_name(".maintenance.blocks").symlink_to("nowhere")
    with pytest.raises(StateNotWritten, match="is removed again and again: see what does so"):
        LocalFileBackend(path).open_block(True)


def test_without_locks_blocks_are_the_process_s_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_blocks, "fcntl", None)
    backends = [LocalFileBackend(path) for _ in range(2)]
    outer, inner = backends[0].open_block(True), backends[1].open_block(False)
    assert [backend.block() for backend in backends] == [False] * 2
    assert traces(path) == []
    backends[1].close_block(inner)
    assert [backend.block() for backend in backends] == [True] * 2
    backends[0].close_block(outer)
    assert [backend.block() for backend in backends] == [None] * 2


def test_whoever_may_write_beside_the_file_may_have_blocks(path: Path) -> None:
    path.parent.chmod(0o2775)
    before = os.umask(0o077)
    try:
        block = LocalFileBackend(path).open_block(True)
    finally:
        os.umask(before)
    folder, trace = sorted(traces(path))
    assert folder.stat().st_mode & 0o7777 == 0o2775
    assert trace.stat().st_mode & 0o7777 == 0o644
    LocalFileBackend(path).close_block(block)
