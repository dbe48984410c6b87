"""Tests that run side by side: who gets which, and that nothing outlives a process that dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane import ports
from tests.leash import Leashed
from tests.processes import descendants, gone
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
(SIDE_BY_SIDE,) = (
    line.partition(":=")[2].split()
    for line in (ROOT / "Makefile").read_text().splitlines()
    if line.startswith("SIDE_BY_SIDE := ")
)
NOTING = """
import os, pathlib, pytest
@pytest.mark.parametrize("number", range(3))
def test_it(number):
    with pathlib.Path("noted").open("a") as file:
        file.write(f"{os.environ.get('PYTEST_XDIST_WORKER')} {__file__}\\n")
"""
STARTING = """
import os, pathlib, signal, sys, time
from tests.leash import Leashed
def test_it(tmp_path):
    held = Leashed([sys.executable, "-c", "import time; time.sleep(600)"], log=tmp_path / "log")
    pathlib.Path("started").write_text(f"{held.pid}")
    END
def test_another():
    pass
"""


def command(*arguments: str) -> list[str]:
    """pytest as `make test` calls it, with our hooks, and without our settings."""
    own = ("-c", os.devnull, "--rootdir", ".", "-p", "tests.conftest", "-p", "no:cacheprovider")
    return [sys.executable, "-m", "pytest", "-p", "xdist", *own, *SIDE_BY_SIDE, *arguments]


def environment() -> dict[str, str]:
    """Without what this very run says to its own processes, and without plugins."""
    outer = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST")}
    return outer | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def write(folder: Path, *names: str, text: str = NOTING) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def noted(folder: Path) -> dict[str, set[str]]:
    """Which processes ran which file."""
    found: dict[str, set[str]] = {}
    for line in (folder / "noted").read_text().splitlines():
        who, file = line.split()
        found.setdefault(str(Path(file).relative_to(folder)), set()).add(who)
    return found


def test_files_stay_whole_and_so_do_folders_that_share_servers(tmp_path: Path) -> None:
    servers = [f"tests/servers/test_{name}.py" for name in "abc"]
    write(tmp_path, *servers, "tests/unit/test_d.py", "tests/unit/test_e.py")
    done = run(tmp_path, "-n2", "tests")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].strip("= ").startswith("15 passed in ")
    processes = noted(tmp_path)
    assert all(len(who) == 1 for who in processes.values())
    assert len({who for file in servers for who in processes[file]}) == 1
    assert {who for each in processes.values() for who in each} == {"gw0", "gw1"}


def test_what_takes_longest_is_begun_first(tmp_path: Path) -> None:
    write(tmp_path, "tests/cluster/test_a.py", "tests/e2e/test_b.py")
    assert run(tmp_path, "-n1", "tests").returncode == 0
    assert list(noted(tmp_path)) == ["tests/e2e/test_b.py", "tests/cluster/test_a.py"]


def test_on_a_cluster_that_was_named_nothing_runs_side_by_side(tmp_path: Path) -> None:
    write(tmp_path, "test_a.py")
    assert run(tmp_path, "--kubeconfig=any").returncode == 0
    assert noted(tmp_path) == {"test_a.py": {"None"}}


def test_a_process_that_dies_takes_along_what_it_has_started(tmp_path: Path) -> None:
    """And the run has failed: it is not told as passed what nobody has run."""
    write(tmp_path, "test_a.py", text=STARTING.replace("END", "os.kill(os.getpid(), 9)"))
    done = run(tmp_path, "-n1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].strip("= ").startswith("1 failed in ")
    wait_for(lambda: gone(int((tmp_path / "started").read_text())), what="its child to end")


def test_a_run_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither its processes nor what they have started."""
    write(tmp_path, "test_a.py", text=STARTING.replace("END", "time.sleep(600)"))
    started = tmp_path / "started"
    held = Leashed(command("-n1"), log=tmp_path / "log", cwd=tmp_path, env=environment())
    child = held.wait_for(lambda: int(started.read_text()), 60, "the test to start something")
    parts = {*descendants(held.pid), child}
    held.kill()
    wait_for(lambda: all(map(gone, parts)), what="all to end")


def test_no_two_processes_take_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {}
    for worker in ("gw0", "gw1", "gw2", "gw3"):
        monkeypatch.setattr(ports, "WORKER", worker)
        taken[worker] = {ports.free_port() for _ in range(50)}
    assert len(set[int]().union(*taken.values())) == sum(map(len, taken.values()))
