"""`up` leaves a control plane running, `down` ends it, and neither mistakes what is there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from tests.controlplane.holding import holder
from tests.controlplane.standing import ROOT
from tests.processes import descendants, gone
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [
    pytest.mark.owns_control_plane,
    pytest.mark.timeout(300),  # two starts, one after the other
    # They start a second control plane; on a machine without binaries they are skipped with it.
    pytest.mark.usefixtures("cluster"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Not `.cluster` of the checkout, where a developer's own may run; ended in any case."""
    yield tmp_path / "standing"
    command("down", tmp_path / "standing")


def command(verb: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.controlplane", verb, "--folder", folder, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def up(folder: Path) -> subprocess.CompletedProcess[str]:
    """As a developer starts it; but it ends with this test run, however that ends."""
    return command("up", folder, "--until-exit-of", str(os.getpid()))


def serving(folder: Path) -> int:
    pid = holder(folder)
    assert pid is not None
    return pid


def test_up_and_down(folder: Path) -> None:
    """`up` prints what the shell has to know last; a second one finds the first; `down` ends it."""
    first = up(folder)
    assert first.returncode == 0, first.stderr
    path = folder / "kubeconfig"
    both = f"export KUBECONFIG={path} FASTAPI_MAINTENANCE_KUBECONFIG={path}\n"
    assert first.stdout == both
    assert "operator" in first.stderr
    page = re.search(r"http://127\.0\.0\.1:\d+/", first.stderr)
    assert page is not None
    with urlopen(page[0], timeout=30) as answer:
        assert b"No window is open" in answer.read()
    server = serving(folder)
    parts = descendants(server)

    second = up(folder)
    assert second.stdout == first.stdout
    assert re.search("is up in .* already", second.stderr)
    assert serving(folder) == server

    ended = command("down", folder)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert not folder.exists()
    assert all(map(gone, parts))


def test_down_where_nothing_is_up(folder: Path) -> None:
    """`down` without an `up` says so, and that is no error."""
    ended = command("down", folder)
    assert ended.returncode == 0
    assert "Nothing is up" in ended.stderr


def test_a_pid_in_a_leftover_is_nobodys(folder: Path) -> None:
    """The pid in a folder that no process holds is not touched, whoever has it by now."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        folder.mkdir()
        (folder / "lock").write_text(str(stranger.pid))
        (folder / "ready").touch()
        assert command("down", folder).returncode == 0
        assert stranger.poll() is None
        stranger.kill()
    assert not folder.exists()


def test_a_killed_server_leaves_nothing_behind(folder: Path) -> None:
    """Killed with -9 it takes its children along; an `up` meanwhile is not disturbed by them."""
    assert up(folder).returncode == 0
    killed = serving(folder)
    parts = descendants(killed)
    os.kill(killed, signal.SIGKILL)
    again = up(folder)
    assert again.returncode == 0, again.stderr
    assert serving(folder) != killed
    wait_for(lambda: all(map(gone, parts)), what="what the killed one had started to end")


def test_it_ends_with_the_process_it_was_started_for(folder: Path) -> None:
    """With --until-exit-of it lives no longer than that process; two `up` at once start one."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as user:
        options = ("--until-exit-of", str(user.pid))
        with ThreadPoolExecutor() as both:
            results = list(both.map(lambda _: command("up", folder, *options), range(2)))
        assert [result.returncode for result in results] == [0, 0], results
        assert results[0].stdout == results[1].stdout
        parts = descendants(serving(folder))
        user.kill()
    wait_for(lambda: holder(folder) is None, what="it to end by itself")
    wait_for(lambda: all(map(gone, parts)), what="all that it had started to end")
