"""What a test starts ends with the test run, and can be stopped, killed and frozen meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leash import Leashed
from tests.processes import gone, state
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]

# Prints a line every few milliseconds, so that "it runs" can be seen from outside.
TICKING = "import time\nwhile True:\n    print('tick', flush=True)\n    time.sleep(0.01)\n"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + TICKING
PARENT = (
    "import subprocess, sys\n"
    f"child = subprocess.Popen([sys.executable, '-c', {TICKING!r}])\n"
    "print('grandchild', child.pid, flush=True)\n"
    "child.wait()\n"
)
OWNER = (
    "import sys, time\nfrom pathlib import Path\nfrom tests.leash import Leashed\n"
    "held = Leashed([sys.executable, '-c', sys.argv[1]], log=Path(sys.argv[2]))\n"
    "print(held.pid, held._shim.pid, flush=True)\ntime.sleep(600)\n"
)


def ticking(log: Path, program: str = TICKING) -> Leashed:
    held = Leashed([sys.executable, "-c", program], log=log)
    held.wait_for(lambda: "tick" in held.output(), what="a first tick")
    return held


def owner_of(program: str, log: Path) -> tuple[subprocess.Popen[str], int, int]:
    """A process of its own that holds `program` on a leash; and the pids of child and shim."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, program, log], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert owner.stdout is not None
    with owner.stdout:
        child, shim = owner.stdout.readline().split()
    return owner, int(child), int(shim)


@pytest.mark.parametrize("program", [TICKING, DEAF], ids=["polite", "deaf to SIGTERM"])
def test_killing_the_owner_ends_the_child(program: str, tmp_path: Path) -> None:
    """An owner that is killed with -9 takes its child along, one deaf to SIGTERM included."""
    log = tmp_path / "log"
    owner, child, shim = owner_of(program, log)
    wait_for(lambda: "tick" in log.read_text(), what="the child to run")
    owner.kill()
    owner.wait()
    wait_for(lambda: gone(child) and gone(shim), what="child and shim to end")


def test_killing_the_owner_ends_a_paused_child(tmp_path: Path) -> None:
    """A child that a test froze is ended as well when the owner dies."""
    log = tmp_path / "log"
    owner, child, _ = owner_of(TICKING, log)
    os.kill(child, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    wait_for(lambda: gone(child), what="the child to end")


def test_the_childs_children_end_too(tmp_path: Path) -> None:
    """What a child has started itself ends with it, even when the child is killed."""
    held = Leashed([sys.executable, "-c", PARENT], log=tmp_path / "log")
    first = held.wait_for(lambda: held.output().splitlines(), what="the grandchild's pid")[0]
    held.kill()
    wait_for(lambda: gone(int(first.split()[1])), what="the grandchild to end")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell of a parent's death")
def test_killing_the_shim_ends_the_child(tmp_path: Path) -> None:
    """A killed shim leaves no orphan, and the owner sees that the process is over."""
    held = ticking(tmp_path / "log")
    held._shim.kill()
    wait_for(lambda: gone(held.pid), what="the child to end")
    assert held.wait(10) == -signal.SIGKILL


def test_stop_is_polite(tmp_path: Path) -> None:
    """stop() sends SIGTERM and returns how the process ended."""
    held = ticking(tmp_path / "log")
    assert held.poll() is None
    assert held.stop() == -signal.SIGTERM
    assert held.returncode == -signal.SIGTERM


def test_stop_gives_up_politeness_in_time(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed when its time is over."""
    assert ticking(tmp_path / "log", DEAF).stop(timeout=0.1) == -signal.SIGKILL


def test_stop_and_kill_of_an_ended_process_do_nothing(tmp_path: Path) -> None:
    """Ending a process twice is harmless, and its exit code stays."""
    held = Leashed([sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log")
    assert held.wait(30) == 3
    assert (held.stop(), held.kill()) == (3, 3)


def test_pause_freezes_and_resume_goes_on(tmp_path: Path) -> None:
    """A paused process is alive and stands still; a resumed one goes on."""
    with ticking(tmp_path / "log") as held:
        held.pause()
        wait_for(lambda: state(held.pid) == "T", what="the process to stand still")
        before = len(held.output())
        assert held.poll() is None
        held.resume()
        held.wait_for(lambda: len(held.output()) > before, what="another tick")


def test_stop_ends_a_paused_process(tmp_path: Path) -> None:
    """A frozen process can be stopped without being resumed first."""
    held = ticking(tmp_path / "log")
    held.pause()
    assert held.stop() == -signal.SIGTERM


def test_waiting_for_a_process_that_ends_shows_its_last_words(tmp_path: Path) -> None:
    """wait_for() does not wait for a dead process, and its error says what the log says."""
    held = Leashed([sys.executable, "-c", "raise SystemExit('no port')"], log=tmp_path / "log")
    words = r"(?s)waited for readiness: .* exited with 1:.*no port"
    with pytest.raises(AssertionError, match=words):
        held.wait_for(lambda: False, timeout=60, what="readiness")


def test_a_command_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    """A command that cannot be started is named at once."""
    with pytest.raises(OSError, match="no-such-program: No such file"):
        Leashed(["no-such-program"], log=tmp_path / "log")


def test_the_log_is_appended_to(tmp_path: Path) -> None:
    """A process that is started again writes on in the same log, and output() is its own part."""
    for word in ("first", "second"):
        held = Leashed([sys.executable, "-c", f"print('{word}')"], log=tmp_path / "log")
        held.wait(30)
        assert held.output() == f"{word}\n"
    assert (tmp_path / "log").read_text() == "first\nsecond\n"


def test_environment_and_folder_are_the_callers(tmp_path: Path) -> None:
    """env and cwd reach the command as they were given."""
    program = "import os; print(os.environ['WORD'], os.getcwd())"
    held = Leashed(
        [sys.executable, "-c", program], log=tmp_path / "log", env={"WORD": "x"}, cwd=tmp_path
    )
    held.wait(30)
    assert held.output().split() == ["x", str(tmp_path)]
