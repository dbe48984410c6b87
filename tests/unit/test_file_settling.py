"""A file that is written in place holds nothing, or half a manifest, for a moment."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastapi_maintenance.backends import LocalFileBackend, file
from tests.unit.making import at

NOON = at("2026-06-01T12:00Z").timestamp()
HALF = "apiVersion: fastapi-maintenance.io/v1alpha1\nkind: MaintenanceWindow\n"
HALF += "metadata: {name: w, namespace: shop}\n"
HALF += "spec:\n  apps: ['*']\n  start: '2020-01-01T00:00:00Z'\n"
WHOLE = HALF + "  mode: ReadOnly\n"


class Clock:
    """Noon: the monotonic clock and that of the day go on together."""

    passed = 0.0

    def wait(self, seconds: float) -> None:
        self.passed += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(file, "time", SimpleNamespace(monotonic=lambda: 1000 + clock.passed))
    monkeypatch.setattr(file, "wall_clock", lambda: NOON + clock.passed)
    return clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "windows"
    folder.mkdir()
    return folder


def write(path: Path, text: str, clock: Clock) -> None:
    """In place, now."""
    path.write_text(text)
    os.utime(path, (NOON + clock.passed,) * 2)


def replace(path: Path, text: str, clock: Clock) -> None:
    """By another file, now."""
    write(path.with_name("new"), text, clock)
    path.with_name("new").replace(path)


def says(backend: LocalFileBackend) -> str:
    state = backend.state()
    return "Full" if state.reads else "ReadOnly" if state.writes else "off"


def seen(backend: LocalFileBackend, clock: Clock, seconds: float) -> list[str]:
    """What requests see, ten milliseconds apart."""
    states = []
    for _ in range(round(seconds * 100)):
        clock.wait(0.01)
        states.append(says(backend))
    return states


def test_half_a_manifest_does_not_count(folder: Path, clock: Clock) -> None:
    """It would refuse more than the one before and the one after it do."""
    path = folder / "w.yaml"
    write(path, WHOLE, clock)
    for given in (path, folder):
        clock.wait(1)
        write(path, WHOLE, clock)
        backend = LocalFileBackend(given)
        assert says(backend) == "ReadOnly"
        clock.wait(1)
        write(path, HALF, clock)
        states = seen(backend, clock, 0.03)
        write(path, WHOLE + "  description: more\n", clock)
        assert {*states, *seen(backend, clock, 0.2)} == {"ReadOnly"}


def test_half_of_a_new_manifest_does_not_count(folder: Path, clock: Clock) -> None:
    """Nor where there was no file."""
    for given in (folder, folder / "w.yaml"):
        backend = LocalFileBackend(given)
        assert says(backend) == "off"
        clock.wait(1)
        for text in ("", HALF):
            write(folder / "w.yaml", text, clock)
            assert seen(backend, clock, 0.04) == ["off"] * 4
        write(folder / "w.yaml", WHOLE, clock)
        states = seen(backend, clock, 0.1)
        assert "Full" not in states
        assert states[-1] == "ReadOnly"
        (folder / "w.yaml").unlink()


@pytest.mark.parametrize("late", range(0, 50, 5))
def test_what_was_written_in_place_counts_within_a_tenth_of_a_second(
    folder: Path, clock: Clock, late: int
) -> None:
    """However long after the last look."""
    write(folder / "w.yaml", WHOLE, clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    clock.wait(late / 1000)
    write(folder / "w.yaml", HALF, clock)
    assert seen(backend, clock, 0.1)[-1] == "Full"


def test_comments_that_windows_follow_do_not_count(folder: Path, clock: Clock) -> None:
    """Alone they would mean that there is no window any more."""
    for given in (folder, folder / "w.yaml"):
        write(folder / "w.yaml", WHOLE, clock)
        backend = LocalFileBackend(given)
        assert says(backend) == "ReadOnly"
        clock.wait(1)
        write(folder / "w.yaml", "# at night: only reading\n", clock)
        assert seen(backend, clock, 0.04) == ["ReadOnly"] * 4
        write(folder / "w.yaml", f"# at night: only reading\n{WHOLE}", clock)
        assert seen(backend, clock, 0.2) == ["ReadOnly"] * 20
        write(folder / "w.yaml", "# at night: only reading\n", clock)
        assert seen(backend, clock, 0.1)[-1] == "off"


def test_what_is_written_without_end_counts_after_a_tenth_of_a_second(
    folder: Path, clock: Clock
) -> None:
    write(folder / "w.yaml", WHOLE, clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    for turn in range(10):
        write(folder / "w.yaml", f"{HALF}  description: turn {turn}\n", clock)
        last = seen(backend, clock, 0.01)
    assert last == ["Full"]


def test_a_file_that_is_emptied_again_and_again_is_never_seen_empty(
    folder: Path, clock: Clock
) -> None:
    """Each request comes at the worst moment, but for one."""
    write(folder / "w.yaml", WHOLE, clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    for turn in range(20):
        clock.wait(0.02)
        write(
            folder / "w.yaml",
            f"{WHOLE}  description: turn {turn}\n" if turn % 5 == 3 else "",
            clock,
        )
        assert says(backend) == "ReadOnly"


@pytest.mark.parametrize(("text", "state"), [(HALF, "Full"), ("", "off")])
def test_a_file_that_was_written_long_before_a_request_counts_at_once(
    folder: Path, clock: Clock, text: str, state: str
) -> None:
    write(folder / "w.yaml", WHOLE, clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    clock.wait(1)
    write(folder / "w.yaml", text, clock)
    clock.wait(0.06)
    assert says(backend) == state


def test_a_file_that_another_replaces_counts_at_the_next_look(folder: Path, clock: Clock) -> None:
    """It was whole before it got there."""
    write(folder / "w.yaml", WHOLE, clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    clock.wait(0.05)
    replace(folder / "w.yaml", HALF, clock)
    assert says(backend) == "Full"


def test_a_word_counts_at_the_next_look(tmp_path: Path, clock: Clock) -> None:
    """Nobody writes it in parts."""
    write(tmp_path / "switch", "off", clock)
    backend = LocalFileBackend(tmp_path / "switch")
    assert says(backend) == "off"
    clock.wait(0.05)
    write(tmp_path / "switch", "read-only", clock)
    assert says(backend) == "ReadOnly"


def test_a_file_without_a_manifest_takes_no_patience_from_the_others(
    folder: Path, clock: Clock
) -> None:
    """Such as a placeholder that stays empty."""
    write(folder / "w.yaml", WHOLE, clock)
    write(folder / "placeholder.yaml", "", clock)
    backend = LocalFileBackend(folder)
    for _ in range(3):
        assert set(seen(backend, clock, 0.2)) == {"ReadOnly"}
        write(folder / "w.yaml", "", clock)
        assert seen(backend, clock, 0.04) == ["ReadOnly"] * 4
        write(folder / "w.yaml", WHOLE, clock)


def test_an_emptied_file_keeps_no_other_from_counting(folder: Path, clock: Clock) -> None:
    write(folder / "w.yaml", WHOLE, clock)
    write(folder / "other.yaml", "", clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    clock.wait(0.05)
    write(folder / "w.yaml", "", clock)
    replace(folder / "other.yaml", HALF.replace("name: w", "name: v"), clock)
    assert says(backend) == "Full"


def test_each_time_that_a_file_is_emptied_is_a_time_of_its_own(
    tmp_path: Path, clock: Clock
) -> None:
    """Also where it went in between."""
    path = tmp_path / "w.yaml"
    backend = LocalFileBackend(path)
    for _ in range(2):
        write(path, "", clock)
        clock.wait(0.2)
        assert says(backend) == "off"
        path.unlink()
        clock.wait(0.2)
        assert says(backend) == "off"
        write(path, HALF, clock)
        clock.wait(0.2)
        assert says(backend) == "Full"
        write(path, "", clock)
        assert seen(backend, clock, 0.04) == ["Full"] * 4


def test_clocks_that_differ_hold_nothing_back_for_longer(folder: Path, clock: Clock) -> None:
    """A file server's may be ahead of ours."""
    write(folder / "w.yaml", WHOLE, clock)
    backend = LocalFileBackend(folder)
    assert says(backend) == "ReadOnly"
    write(folder / "w.yaml", HALF, clock)
    os.utime(folder / "w.yaml", (NOON + 3600,) * 2)
    assert seen(backend, clock, 0.1)[-1] == "Full"
