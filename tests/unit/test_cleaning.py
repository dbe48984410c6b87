"""What was built or fetched goes when nobody has used it for long, never while somebody does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cleaning import main
from tests.controlplane import binaries
from tests.controlplane.binaries import ASSETS, NAMES, cache_folder
from tests.controlplane.pins import fingerprint
from tests.python import ROOT
from tests.waiting import wait_for

USER = """
import sys
from pathlib import Path
from tests.controlplane.keeping import use
use(Path(sys.argv[1]))
print("in use", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(ASSETS, raising=False)


def entry(name: str, kind: str = "controlplane") -> Path:
    """One with binaries, which is as old as an archive says, and was made now."""
    made = cache_folder(kind) / name
    made.mkdir(parents=True)
    for binary in NAMES:
        (made / binary).touch(0o755)
    os.utime(made, (0, 0))
    return made


def clean(*words: str, after: float) -> None:
    """As in so many days."""
    main(*words, now=time.time() + after * 86_400)


def test_what_was_not_used_for_thirty_days_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of each kind; what is no entry stays."""
    old = [entry("0" * 16), entry("1" * 16, "node"), entry("removing-1f")]
    other = entry("notes")
    clean(after=29)
    assert all(path.exists() for path in old)
    assert capsys.readouterr().out == ""
    clean(after=31)
    assert [path.name for path in cache_folder().iterdir()] == [other.name]
    assert not any(path.exists() for path in old)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3
    assert all(line.startswith("removed: ") for line in said)


def test_the_number_of_days_can_be_named() -> None:
    made = entry("0" * 16)
    clean("4", after=3)
    assert made.exists()
    clean("2", after=3)
    assert not made.exists()


def test_where_nothing_was_ever_built_there_is_nothing_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main()
    assert capsys.readouterr().out == ""


def test_who_finds_binaries_has_used_them() -> None:
    made = entry(fingerprint())
    before = made.stat().st_ctime_ns
    wait_for(lambda: binaries.find().folder == made and made.stat().st_ctime_ns > before)


def test_what_a_process_uses_stays_until_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """However long ago it began, and though it is killed."""
    made = entry("0" * 16)
    command = [sys.executable, "-c", USER, str(made)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as user:
        try:
            assert user.stdout is not None
            assert user.stdout.readline() == "in use\n"
            clean(after=31)
            assert capsys.readouterr().out.startswith("in use: ")
            assert made.exists()
        finally:
            user.kill()
    clean(after=31)
    assert not made.exists()
