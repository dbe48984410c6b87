"""A file decides: a word in it, or its being there or not."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file
from fastapi_maintenance.windows import OFF


class Clock:
    """The monotonic clock of the backend, which looks at the file at intervals."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(file, "time", SimpleNamespace(monotonic=clock.monotonic))
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


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"maybe",
        b"on off",
        b"\xff\xfe\x00\x80",
        "on".encode("utf-16"),
        b"o\0n\0",
        b"a: [",
    ],
    ids=["empty", "blank", "word", "words", "binary", "utf-16", "nul", "yaml"],
)
@pytest.mark.parametrize("before", ["on", "off"])
def test_what_is_not_understood_keeps_the_last_state_and_is_logged_once(
    path: Path, content: bytes, before: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(before)
    backend = LocalFileBackend(path)
    backend.state()
    path.write_bytes(content)
    assert [is_on(backend) for _ in range(3)] == [before == "on"] * 3
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith(f"{path}: ")
    assert record.getMessage().endswith("; maintenance is unchanged")


def test_a_file_that_can_be_understood_again_counts(path: Path) -> None:
    path.write_text("maybe")
    backend = LocalFileBackend(path)
    assert not is_on(backend)
    path.write_text("on")
    assert is_on(backend)


@pytest.mark.parametrize("reason", ["a file for a folder", "a folder for a file", "a loop"])
def test_what_cannot_be_read_keeps_the_last_state_and_is_logged_once(
    path: Path, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = path / "folder"
    folder.mkdir(parents=True)
    (folder / "switch").write_text("on")
    backend = LocalFileBackend(folder / "switch")
    assert is_on(backend)
    (folder / "switch").unlink()
    if reason == "a file for a folder":
        folder.rmdir()
        folder.write_text("off")
    elif reason == "a folder for a file":
        (folder / "switch").mkdir()
    else:
        (folder / "switch").symlink_to(folder / "switch")
    assert [is_on(backend) for _ in range(3)] == [True] * 3
    assert len(caplog.records) == 1


def test_a_folder_that_may_not_be_entered_keeps_the_last_state(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Patched: the superuser may enter every folder."""
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    denied = PermissionError(13, "Permission denied", str(path))
    monkeypatch.setattr(Path, "stat", mock.Mock(side_effect=denied))
    monkeypatch.setattr(Path, "read_text", mock.Mock(side_effect=denied))
    assert [is_on(backend) for _ in range(3)] == [True] * 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "Permission denied" in caplog.text


def test_a_file_that_goes_between_look_and_read_keeps_the_last_state(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text("off!")
    monkeypatch.setattr(Path, "read_text", mock.Mock(side_effect=FileNotFoundError("gone")))
    assert is_on(backend)
    path.unlink()
    assert not is_on(backend)


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


def test_a_file_edited_within_one_tick_of_its_clock_is_read_again(path: Path) -> None:
    """With the same inode and the same time: only the size tells."""
    path.write_text("on")
    os.utime(path, (1, 1))
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text("off")
    os.utime(path, (1, 1))
    assert not is_on(backend)


def test_a_file_is_read_only_where_it_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("on")
    backend = LocalFileBackend(path)
    reading = mock.Mock(side_effect=Path.read_text)
    monkeypatch.setattr(Path, "read_text", lambda *given: reading(*given))
    for _ in range(5):
        backend.state()
    assert reading.call_count == 1


def test_a_change_is_seen_within_a_tenth_of_a_second(clock: Clock, tmp_path: Path) -> None:
    """And in between a request does not even look."""
    path = tmp_path / "switch"
    backend = LocalFileBackend(path)
    assert not is_on(backend)
    path.write_text("on")
    assert not is_on(backend)
    clock.now += 0.1
    assert is_on(backend)
