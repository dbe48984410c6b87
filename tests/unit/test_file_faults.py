"""A file that says nothing: the last state stays, and a log line names the mend."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from unittest import mock

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file, file_folder, file_settling


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is looked at each time, written in place or not."""
    monkeypatch.setattr(file, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(file_settling, "_SETTLED_AFTER", 0.0)
    return tmp_path / "maintenance"


def is_on(backend: LocalFileBackend) -> bool:
    return backend.state().reads is not None


@pytest.mark.parametrize(
    "content",
    [
        b"maybe",
        b"tru",
        b"on off",
        b"\xff\xfe\x00\x80",
        b"a: [",
        b"on\0",
        b"on " * 400_000,
    ],
    ids=["word", "half a word", "words", "no utf-8", "yaml", "nul", "huge"],
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


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("on".encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ("on".encode("utf-16-be"), "is UTF-16: save it as UTF-8"),
        ("on".encode("utf-16-le"), "is UTF-16: save it as UTF-8"),
        (b"\x7fELF\1\0\2", "is binary: write on, off, read-only or a manifest, as UTF-8"),
        (b"on\xff", "is not UTF-8 at byte 2: save it as UTF-8"),
        (
            b"#" * 1_048_577,
            "holds 1048577 bytes, and 1048576 are the most: write on, off, read-only or a manifest",
        ),
    ],
    ids=["utf-16", "utf-16-be", "utf-16-le", "binary", "no utf-8", "huge"],
)
def test_what_is_wrong_with_a_file_is_told_with_the_mend(
    path: Path, content: bytes, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    assert not is_on(LocalFileBackend(path))
    assert caplog.messages == [f"{path}: {problem}; maintenance is unchanged"]


def test_a_file_that_can_be_understood_again_counts_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("maybe")
    backend = LocalFileBackend(path)
    assert not is_on(backend)
    caplog.clear()
    caplog.set_level(logging.INFO)
    path.write_text("on")
    assert [is_on(backend) for _ in range(3)] == [True] * 3
    assert caplog.messages == [f"{path}: it can be read again, and counts"]


def test_a_pipe_in_the_place_of_the_file_holds_nobody_up(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(path)
    assert not is_on(LocalFileBackend(path))
    assert caplog.messages == [
        f"{path}: is a named pipe: put a regular file in its place; maintenance is unchanged"
    ]


def test_a_pipe_that_takes_its_place_between_look_and_read_holds_nobody_up(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("on")
    status = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(file_folder, "look_at", lambda _: status)
    assert not is_on(LocalFileBackend(path))
    assert "is a named pipe" in caplog.text


def test_a_path_that_can_be_none_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    backend = LocalFileBackend("/tmp/\0")
    assert not is_on(backend)
    assert backend.state_key() == "/tmp/\0"
    (message,) = caplog.messages
    assert message.startswith(r"'/tmp/\x00': can't be read: ")
    assert message.endswith(": choose another path; maintenance is unchanged")


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
    path.write_text("off")
    monkeypatch.setattr(os, "open", mock.Mock(side_effect=PermissionError(13, "Permission denied")))
    assert [is_on(backend) for _ in range(3)] == [True] * 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "Permission denied: let this process read it" in caplog.text
    monkeypatch.undo()
    backend._look_at = 0.0
    assert not is_on(backend)


def test_a_file_that_goes_between_look_and_read_keeps_the_last_state(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert is_on(backend)
    path.write_text("off!")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", mock.Mock(side_effect=FileNotFoundError(2, "gone")))
        assert is_on(backend)
    path.unlink()
    assert not is_on(backend)
