"""A file that maintenance is written to: whole or not at all, and known at once."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
import pytest

from fastapi_maintenance.backends import LocalFileBackend
from fastapi_maintenance.backends.base import StateNotWritten
from tests.unit.making import manifest

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "maintenance"


def is_on(backend: LocalFileBackend) -> bool:
    return backend.decide().reads is not None


async def refused(path: Path, value: bool = True) -> str:
    """What is said when it can't be written."""
    before = sorted(path.parent.rglob("*")) if path.parent.is_dir() else None
    with pytest.raises(StateNotWritten) as error:
        await LocalFileBackend(path).set_value(value)
    if before is not None:
        assert sorted(path.parent.rglob("*")) == before
    return str(error.value)


async def test_what_is_written_governs_the_next_request(path: Path) -> None:
    backend = LocalFileBackend(path)
    for value in (True, False, True, True, False):
        await backend.set_value(value)
        assert is_on(backend) is value
        assert await backend.get_value() is value


async def test_what_is_written_governs_every_object_on_the_file(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    others = [LocalFileBackend(path), LocalFileBackend(link)]
    for value in (True, False):
        await LocalFileBackend(path).set_value(value)
        assert [is_on(other) for other in others] == [value] * 2


async def test_the_file_is_made_by_the_first_write_and_never_by_a_read(path: Path) -> None:
    backend = LocalFileBackend(path)
    assert not is_on(backend)
    assert list(path.parent.iterdir()) == []
    await backend.set_value(False)
    assert path.read_text() == "0\n"
    assert list(path.parent.iterdir()) == [path]


async def test_a_new_file_has_the_mode_that_the_umask_gives(path: Path) -> None:
    before = os.umask(0o027)
    try:
        await LocalFileBackend(path).set_value(True)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_mode_and_owner_stay(path: Path) -> None:
    path.write_text("off")
    path.chmod(0o604)
    if os.getuid() == 0:
        os.chown(path, 1234, 2345)
    old = path.stat()
    await LocalFileBackend(path).set_value(True)
    new = path.stat()
    assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid)
    assert new.st_ino != old.st_ino


async def test_an_owner_that_may_not_be_given_stays_ours(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("off")
    monkeypatch.setattr(os, "fchown", mock.Mock(side_effect=PermissionError))
    await LocalFileBackend(path).set_value(True)
    assert path.read_text() == "1\n"


async def test_a_symlink_stays_and_its_target_is_replaced(path: Path) -> None:
    target = path.with_name("folder") / "target"
    target.parent.mkdir()
    path.symlink_to("folder/target")
    await LocalFileBackend(path).set_value(True)
    assert path.readlink() == Path("folder/target")
    assert target.read_text() == "1\n"


async def test_who_reads_meanwhile_sees_the_old_word_or_the_new_one(path: Path) -> None:
    path.write_text("1\n")
    seen, over = set(), threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.add(path.read_text())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for value in [False, True] * 25:
            await LocalFileBackend(path).set_value(value)
    finally:
        over.set()
        thread.join()
    assert seen <= {"0\n", "1\n"}


async def test_many_may_write_at_once(path: Path) -> None:
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(LocalFileBackend(path).set_value, number % 2 == 0)
    assert path.read_text() in ("0\n", "1\n")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "off\n", "maybe", "\ufeffon", "read-only"])
async def test_any_word_is_overwritten(path: Path, content: str) -> None:
    path.write_text(content, "utf-8")
    backend = LocalFileBackend(path)
    await backend.set_value(True)
    assert is_on(backend)


@pytest.mark.parametrize("value", [True, False])
async def test_a_manifest_is_never_overwritten(path: Path, value: bool) -> None:
    spec: dict[str, Any] = {"start": "2026-06-01T12:00:00Z", "duration": "1h"}
    path.write_text(str(manifest(**spec)))
    text = path.read_text()
    assert await refused(path, value) == (
        f"{path}: is not overwritten, since it holds more than a word: edit the manifest "
        "(suspend: true turns its window off), or use another file"
    )
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("kind: MaintenanceWindow".encode("utf-16"), "is UTF-16: save it as UTF-8"),
        (b"kind: Mainten", "holds more than a word"),
        (b"\0" * 9, "is UTF-16"),
        (b"on" * 1_000_000, "holds 2000000 bytes"),
    ],
    ids=["utf-16", "half written", "binary", "huge"],
)
async def test_what_may_be_somebodys_work_is_not_overwritten(
    path: Path, content: bytes, why: str
) -> None:
    path.write_bytes(content)
    assert (await refused(path)).startswith(f"{path}: is not overwritten, since it {why}")
    assert path.read_bytes() == content


async def test_a_missing_folder_is_told_with_the_mend(path: Path) -> None:
    missing = path / "switch"
    assert await refused(missing) == f"{missing}: No such file or directory: make the folder {path}"


async def test_no_regular_file_is_replaced(path: Path) -> None:
    os.mkfifo(path)
    assert "since it is a named pipe: put a regular file in its place" in await refused(path)
    assert stat.S_ISFIFO(path.stat().st_mode)


async def test_a_path_that_can_be_none_is_refused() -> None:
    with pytest.raises(StateNotWritten, match="choose another path"):
        await LocalFileBackend("/tmp/\0").set_value(True)


async def test_a_name_as_long_as_names_can_be_is_written(path: Path) -> None:
    backend = LocalFileBackend(path.with_name("m" * 255))
    await backend.set_value(True)
    assert is_on(backend)


@pytest.mark.parametrize(
    ("call", "number", "mend"),
    [
        ("open", errno.EACCES, "let this process write in the folder {folder}"),
        ("open", errno.EROFS, "mount {folder} so that it can be written"),
        ("open", errno.EIO, "see that {folder} can be written"),
        ("fsync", errno.ENOSPC, "free some space in {folder}"),
        ("fsync", errno.EDQUOT, "free some space in {folder}, or raise the quota"),
        ("replace", errno.EBUSY, "mount its folder {folder}, not the file alone"),
    ],
)
@pytest.mark.parametrize("before", [None, "off"])
async def test_a_write_that_fails_changes_nothing_and_names_the_mend(
    path: Path,
    call: str,
    number: int,
    mend: str,
    before: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Patched: the superuser may write everywhere, and the disk is not full."""
    if before is not None:
        path.write_text(before)
    original = getattr(os, call)

    def fail(*given: Any, **options: Any) -> Any:
        if call == "open" and not given[1] & os.O_CREAT:
            return original(*given, **options)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        told = await refused(path)
    assert told == f"{path}: {os.strerror(number)}: {mend.format(folder=path.parent)}"
    assert (path.read_text() if path.exists() else None) == before


async def test_a_folder_that_cannot_be_synced_is_no_failure(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    await LocalFileBackend(path).set_value(True)
    assert path.read_text() == "1\n"
