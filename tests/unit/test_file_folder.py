"""A folder of manifests: all of them are one state, the kubelet's mounts included."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file, file_folder, file_io, file_settling
from fastapi_maintenance.backends.base import StateNotWritten
from fastapi_maintenance.windows import make_plan
from tests.unit.making import at, manifest, parsed

NOON = at("2026-06-01T12:00Z").timestamp()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Noon, and each look sees what is there, written in place or not."""
    clock = SimpleNamespace(now=NOON)
    monkeypatch.setattr(file, "wall_clock", lambda: clock.now)
    monkeypatch.setattr(file_settling, "_SETTLED_AFTER", 0.0)
    monkeypatch.setattr(file, "_LOOK_EVERY", 0.0)
    return clock


@pytest.fixture
def folder(tmp_path: Path, clock: SimpleNamespace) -> Path:
    folder = tmp_path / "windows"
    folder.mkdir()
    return folder


def put(path: Path, *names: str, **spec: Any) -> None:
    """Manifests of windows that are open, in one file."""
    path.write_text("\n---\n".join(json.dumps(manifest(name, **spec)) for name in names))


def refusing(backend: LocalFileBackend) -> str | None:
    """What refuses writes; of windows without an end the first by name."""
    refusal = backend.state().writes
    return refusal.opening.source if refusal else None


def test_a_folder_without_manifests_is_off(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert refusing(LocalFileBackend(folder)) is None
    assert caplog.records == []


@pytest.mark.parametrize("name", ["w.yaml", "w.yml", "w.json"])
def test_manifests_count_whatever_their_ending(folder: Path, name: str) -> None:
    put(folder / name, "w")
    assert refusing(LocalFileBackend(folder)) == "window=shop/w"


@pytest.mark.parametrize("name", [".w.yaml", "w.yaml~", "w.txt", "README.md", ".w.yaml.swp"])
def test_what_is_hidden_or_something_else_does_not_count(folder: Path, name: str) -> None:
    (folder / name).write_text("not: [a window")
    put(folder / "v.yaml", "v")
    assert refusing(LocalFileBackend(folder)) == "window=shop/v"


def test_a_folder_below_the_folder_does_not_count(folder: Path) -> None:
    (folder / "old").mkdir()
    put(folder / "old" / "w.yaml", "w")
    assert refusing(LocalFileBackend(folder)) is None


def test_files_that_come_change_and_go_are_seen(folder: Path) -> None:
    backend = LocalFileBackend(folder)
    seen = [refusing(backend)]
    put(folder / "b.yaml", "b")
    seen.append(refusing(backend))
    put(folder / "a.yaml", "a")
    seen.append(refusing(backend))
    put(folder / "a.yaml", "a", suspend=True)
    seen.append(refusing(backend))
    (folder / "b.yaml").unlink()
    seen.append(refusing(backend))
    assert seen == [None, "window=shop/b", "window=shop/a", "window=shop/b", None]


def test_a_folder_that_goes_is_off(folder: Path) -> None:
    put(folder / "w.yaml", "w")
    backend = LocalFileBackend(folder)
    assert refusing(backend)
    shutil.rmtree(folder)
    assert refusing(backend) is None


def test_one_broken_file_keeps_the_whole_folder_as_it_was_and_is_told_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its other files are not followed either: half a change is nobody's intention."""
    put(folder / "a.yaml", "a")
    backend = LocalFileBackend(folder)
    assert refusing(backend) == "window=shop/a"
    put(folder / "a.yaml", "a", suspend=True)
    put(folder / "b.yaml", "b", mood="Full")
    assert [refusing(backend) for _ in range(3)] == ["window=shop/a"] * 3
    assert caplog.messages == [
        f"{folder}: b.yaml: spec.mood: unknown field: did you mean 'mode'?; "
        "maintenance is unchanged"
    ]
    caplog.clear()
    caplog.set_level(logging.INFO)
    put(folder / "b.yaml", "b")
    assert refusing(backend) == "window=shop/b"
    assert caplog.messages == [f"{folder}: it can be read again, and counts"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x7fELF\1\0\2", "w.yaml: is binary"),
        (b"w\xff", "w.yaml: is not UTF-8 at byte 1"),
        (b"a: [", "w.yaml: file: is not YAML"),
        (b"soon", "w.yaml: manifest: 'soon' is no manifest"),
    ],
    ids=["binary", "no utf-8", "no yaml", "word"],
)
def test_a_file_that_says_nothing_is_named(
    folder: Path, content: bytes, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "w.yaml").write_bytes(content)
    put(folder / "a.yaml", "a")
    assert refusing(LocalFileBackend(folder)) is None
    (message,) = caplog.messages
    assert message.startswith(f"{folder}: {problem}")


def test_a_pipe_or_a_folder_with_a_manifests_name_is_told_of(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = LocalFileBackend(folder)
    os.mkfifo(folder / "w.yaml")
    assert refusing(backend) is None
    (folder / "w.yaml").unlink()
    (folder / "w.yaml").mkdir()
    assert refusing(backend) is None
    assert caplog.messages == [
        f"{folder}: w.yaml: is a named pipe: put a regular file in its place; "
        "maintenance is unchanged",
        f"{folder}: w.yaml: is a folder: put its manifests beside the others; "
        "maintenance is unchanged",
    ]


def test_more_files_than_anybody_meant_are_told_of(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(256):
        put(folder / f"{number}.yaml", f"w{number}")
    backend = LocalFileBackend(folder)
    assert refusing(backend) == "window=shop/w0"
    put(folder / "one-more.yaml", "a")
    assert refusing(backend) == "window=shop/w0"
    (message,) = caplog.messages
    assert "holds 257 manifests, and 256 are the most" in message


def test_more_bytes_than_a_configmap_holds_are_told_of(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text("#" * 600_000)
    assert refusing(LocalFileBackend(folder)) is None
    (message,) = caplog.messages
    assert "holds 1200000 bytes of manifests, and 1048576 are the most" in message


def test_an_old_folder_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_YOUNG_FOR", 0.0)
    put(folder / "a.yaml", "a")
    put(folder / "b.yaml", "b")
    backend = LocalFileBackend(folder)
    assert refusing(backend) == "window=shop/a"
    refusing(backend)
    reading = mock.Mock(side_effect=file_io.read)
    monkeypatch.setattr(file_folder, "read", reading)
    assert [refusing(backend) for _ in range(5)] == ["window=shop/a"] * 5
    assert reading.call_count == 0


class Mounted:
    """A folder as the kubelet mounts a ConfigMap, and changes it."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        self.state = 0
        self.write(files)
        (folder / "..data").symlink_to(f"..state-{self.state}")
        for name in files:
            (folder / f"{name}.yaml").symlink_to(Path("..data", f"{name}.yaml"))

    def write(self, files: dict[str, str]) -> None:
        """The next state, which nothing leads to yet."""
        self.state += 1
        place = self.folder / f"..state-{self.state}"
        place.mkdir()
        for name, text in files.items():
            (place / f"{name}.yaml").write_text(text)

    def swap(self) -> None:
        """Names of files follow later; the old state goes."""
        old = (self.folder / "..data").resolve()
        (self.folder / "..data_tmp").symlink_to(f"..state-{self.state}")
        (self.folder / "..data_tmp").replace(self.folder / "..data")
        shutil.rmtree(old)


def test_a_mounted_configmap_changes_at_once(folder: Path) -> None:
    """Files that came, changed and went are seen together, before the kubelet links them."""
    texts = {name: json.dumps(manifest(name)) for name in "abc"}
    mounted = Mounted(folder, a=texts["a"], b=texts["b"])
    backend = LocalFileBackend(folder)
    assert refusing(backend) == "window=shop/a"
    mounted.write({"b": json.dumps(manifest("b", suspend=True)), "c": texts["c"]})
    assert refusing(backend) == "window=shop/a"
    mounted.swap()
    assert refusing(backend) == "window=shop/c"
    mounted.write({})
    mounted.swap()
    assert refusing(backend) is None


def before(monkeypatch: pytest.MonkeyPatch, name: str, place: str, act: Any) -> mock.Mock:
    """Let somebody act just before a function of os is called, the first time, for a place."""
    original = getattr(os, name)

    def acted(path: Any, *args: Any, **options: Any) -> Any:
        if not called.call_count and place in str(path):
            called()
        return original(path, *args, **options)

    called = mock.Mock(side_effect=act)
    monkeypatch.setattr(os, name, acted)
    return called


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("listdir", "..state"),
        ("stat", "..state-1/a.yaml"),
        ("stat", "..state-1/b.yaml"),
        ("open", "..state-1/a.yaml"),
        ("open", "..state-1/b.yaml"),
    ],
)
def test_a_mount_that_is_swapped_while_it_is_looked_at_is_seen_in_its_new_state(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    place: str,
) -> None:
    """The old files go, which takes no window away, and nothing is wrong."""
    texts = {name: json.dumps(manifest(name)) for name in "abc"}
    mounted = Mounted(folder, a=texts["a"], b=texts["b"])
    mounted.write({"b": texts["b"], "c": texts["c"]})
    swapped = before(monkeypatch, name, place, mounted.swap)
    assert refusing(LocalFileBackend(folder)) == "window=shop/b"
    assert swapped.call_count == 1
    assert caplog.messages == []


def test_a_mount_that_is_swapped_again_and_again_keeps_the_last_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mounted = Mounted(folder, a=json.dumps(manifest("a")))
    backend = LocalFileBackend(folder)
    assert refusing(backend) == "window=shop/a"
    listing = os.listdir

    def list_and_swap(path: str) -> list[str]:
        names = listing(path)
        mounted.write({"b": json.dumps(manifest("b"))})
        mounted.swap()
        return names

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", list_and_swap)
        assert refusing(backend) == "window=shop/a"
    (message,) = caplog.messages
    assert "is replaced while it is read, again and again: replace it less often" in message
    assert refusing(backend) == "window=shop/b"


def test_a_folder_that_a_symlink_leads_to_changes_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So git-sync publishes a commit."""
    for state, name in (("1", "a"), ("2", "b")):
        (folder / state).mkdir()
        put(folder / state / f"{name}.yaml", name)
    (folder / "now").symlink_to("1")

    def publish() -> None:
        (folder / "next").symlink_to("2")
        (folder / "next").replace(folder / "now")
        shutil.rmtree(folder / "1")

    published = before(monkeypatch, "stat", "a.yaml", publish)
    assert refusing(LocalFileBackend(folder / "now")) == "window=shop/b"
    assert published.call_count == 1
    assert caplog.messages == []


def test_a_single_file_of_a_mount_is_not_missing_while_it_is_swapped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one may go while the symlink is being followed."""
    put(folder / "w.yaml", "w")

    def go() -> None:
        raise FileNotFoundError(2, "gone")

    before(monkeypatch, "stat", "w.yaml", go)
    assert refusing(LocalFileBackend(folder / "w.yaml")) == "window=shop/w"


def test_a_mounted_plan_opens_its_windows(folder: Path) -> None:
    """So a Pod needs no rights at all."""
    spec = {"schedule": "0 14 * * *", "timeZone": "Europe/Berlin", "duration": "1h"}
    plan, _ = make_plan([parsed("lunch", **spec)], at("2026-06-01T00:00Z"))
    (folder / "windows.json").write_text(plan)
    assert refusing(LocalFileBackend(folder)) == "window=shop/lunch"


def test_a_plan_for_other_apps_is_nothing_to_warn_of(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is the whole namespace's; a folder of manifests is likely meant for this application."""
    plan, _ = make_plan([parsed("w", apps=["stock"])], at("2026-06-01T00:00Z"))
    (folder / "windows.json").write_text(plan)
    backend = LocalFileBackend(folder, app="orders")
    assert refusing(backend) is None
    assert caplog.messages == []
    put(folder / "manifests.yaml", "a", "b", apps=["stock"])
    assert refusing(backend) is None
    assert caplog.messages == [
        f"{folder}: windows a, b are for stock and not for this application (orders): "
        "pass app= or set FASTAPI_MAINTENANCE_APP if it should be"
    ]


def test_manifests_of_several_apps_are_nothing_to_warn_of_while_one_is_for_this(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(folder / "stock.yaml", "stock", apps=["stock"])
    put(folder / "orders.yaml", "orders", apps=["orders"])
    assert refusing(LocalFileBackend(folder, app="orders")) == "window=shop/orders"
    assert caplog.messages == []


def test_an_empty_folder_in_a_files_place_keeps_the_last_state(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """So Docker mounts a file that is not there."""
    path = folder / "switch"
    path.write_text("on")
    backend = LocalFileBackend(path)
    assert refusing(backend) == ""
    path.unlink()
    path.mkdir()
    assert [refusing(backend) for _ in range(3)] == [""] * 3
    (message,) = caplog.messages
    assert "is an empty folder now: put the file back, or manifests into it" in message
    put(path / "w.yaml", "w")
    assert refusing(backend) == "window=shop/w"
    (path / "w.yaml").unlink()
    assert refusing(backend) is None


@pytest.mark.anyio
async def test_a_folder_is_never_written(folder: Path) -> None:
    put(folder / "w.yaml", "w", suspend=True)
    before = (folder / "w.yaml").read_text()
    backend = LocalFileBackend(folder)
    with pytest.raises(StateNotWritten, match="since it is a folder: edit the manifests in it"):
        await backend.set_value(True)
    assert refusing(backend) is None
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("w.yaml", before)]


def test_a_block_counts_for_all_that_share_the_folder_and_lies_beside_it(folder: Path) -> None:
    """Inside, it could be taken for a manifest, and a mounted ConfigMap can't be written."""
    put(folder / "w.yaml", "w")
    link = folder.with_name("link")
    link.symlink_to(folder)
    backends = [LocalFileBackend(folder), LocalFileBackend(f"{folder}/"), LocalFileBackend(link)]
    block = backends[0].open_block(False)
    assert [backend.decide().writes for backend in backends] == [None] * 3
    assert [path.name for path in folder.iterdir()] == ["w.yaml"]
    assert (folder.parent / ".windows.blocks").is_dir()
    backends[0].close_block(block)
    assert all(backend.decide().writes for backend in backends)
    assert not (folder.parent / ".windows.blocks").exists()
