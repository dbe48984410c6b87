"""A file decides: a word in it, or its being there or not."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file, file_folder, file_io, file_settling
from fastapi_maintenance.windows import OFF


class Clock:
    """The monotonic clock of the backend, which looks at the file at intervals."""

    now = 1000.0
    of_day = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(file, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(file, "wall_clock", lambda: clock.of_day)
    return clock


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is looked at each time."""
    monkeypatch.setattr(file, "_LOOK_EVERY", 0.0)
    return tmp_path / "maintenance"


def is_on(backend: LocalFileBackend) -> bool:
    return backend.state().reads is not None


def test_a_missing_file_is_off(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert LocalFileBackend(path).state() == OFF
    assert LocalFileBackend(path / "in" / "no" / "folder").state() == OFF
    assert caplog.records == []


@pytest.mark.parametrize(
    ("content", "on"),
    [
        (b"on", True),
        (b"1\n", True),
        (b"  TRUE  \r\n", True),
        (b"\xef\xbb\xbfyes", True),
        (b"off", False),
        (b"0\n", False),
        (b"on # for now\n", True),
        (b"# since: Monday\n---\non\n", True),
        (b"off\t# no: not now\n", False),
    ],
)
def test_a_word_in_the_file_says_whether_it_is_on(path: Path, content: bytes, on: bool) -> None:
    path.write_bytes(content)
    assert is_on(LocalFileBackend(path)) is on


def test_read_only_in_the_file_refuses_writes(path: Path) -> None:
    path.write_text("read-only\n")
    state = LocalFileBackend(os.fspath(path)).state()
    assert state.reads is None
    assert state.writes is not None


@pytest.mark.parametrize("content", ["", "\n"])
@pytest.mark.parametrize("before", ["on", "maybe"])
def test_a_file_that_stays_empty_is_off(
    tmp_path: Path, clock: Clock, before: str, content: str
) -> None:
    """At first it may be in the middle of being written."""
    path = tmp_path / "switch"
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text(before)
    clock.now += 0.05
    assert is_on(backend)
    path.write_text(content)
    clock.of_day = path.stat().st_mtime
    clock.now += 0.05
    assert is_on(backend)
    clock.now += 0.05
    assert not is_on(backend)


def test_a_file_that_was_emptied_long_before_a_request_is_off_at_once(path: Path) -> None:
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text("")
    os.utime(path, (1, 1))
    assert not is_on(backend)


def test_a_file_that_is_written_in_place_is_never_seen_empty(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_settling, "_SETTLED_AFTER", 60.0)  # this process may lose its turn
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    with path.open("w") as opened:
        assert is_on(backend)
        opened.write("read-only")
        opened.flush()
        assert backend.state().reads is None
        assert backend.state().writes is not None


def test_a_relative_path_stays_where_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("on")
    monkeypatch.chdir(path.parent)
    backend = LocalFileBackend(path.name)
    monkeypatch.chdir("/")
    assert is_on(backend)


def test_a_symlink_and_what_it_points_to_are_one_state(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    assert (
        LocalFileBackend(link).state_key() == LocalFileBackend(path).state_key() == os.fspath(path)
    )


def test_a_deleted_file_is_off(path: Path) -> None:
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.unlink()
    assert not is_on(backend)
    path.write_text("on")
    assert is_on(backend)


def test_a_file_that_another_replaces_is_read_again(path: Path) -> None:
    """With the same size and the same time: only the inode tells."""
    new = path.with_name("new")
    for file_path, word in ((path, "on "), (new, "off")):
        file_path.write_text(word)
        os.utime(file_path, (1, 1))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    new.replace(path)
    assert not is_on(backend)


def test_a_symlink_that_points_elsewhere_is_read_again(path: Path) -> None:
    """So the kubelet changes a mounted ConfigMap."""
    for name in ("on", "off"):
        path.with_name(name).write_text(name)
    path.symlink_to(path.with_name("on"))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.unlink()
    path.symlink_to(path.with_name("off"))
    assert not is_on(backend)


def test_a_file_edited_in_place_is_read_again(path: Path) -> None:
    path.write_text("on ")
    os.utime(path, (1, 1))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text("off")
    assert not is_on(backend)


@pytest.mark.parametrize("word", ["on", "on "], ids=["another size", "another time of change"])
def test_a_file_whose_old_times_were_put_back_is_read_again(path: Path, word: str) -> None:
    """As tools that copy do, and as one tick of a coarse clock does; something tells all the same.

    Nobody can put back the time of change.
    """
    path.write_text(word)
    os.utime(path, (1, 1))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text("off")
    os.utime(path, (1, 1))
    assert not is_on(backend)


def test_a_file_edited_under_the_same_signature_is_read_again_while_it_is_young(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two edits within one tick of a coarse clock look like one."""
    path = tmp_path / "switch"
    path.write_text("on ")
    monkeypatch.setattr(file_folder, "signature", lambda _: "the same")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    clock.now += 1.9
    path.write_text("off")
    assert not is_on(backend)


def test_an_old_file_is_not_read_again(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "switch"
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    reading = mock.Mock(side_effect=file_io.read)
    monkeypatch.setattr(file_folder, "read", reading)
    clock.now += 2.0
    for _ in range(5):
        clock.now += 1.0
        assert is_on(backend)
    assert reading.call_count == 0


def test_a_change_is_seen_within_a_tenth_of_a_second(clock: Clock, tmp_path: Path) -> None:
    """And in between a request does not even look."""
    path = tmp_path / "switch"
    backend = LocalFileBackend(path)
    assert not is_on(backend)
    path.write_text("on")
    assert not is_on(backend)
    clock.now += 0.1
    assert is_on(backend)
