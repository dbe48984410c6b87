"""Building the control plane: once, whole or not at all, and with errors that say what to do.

A shell script stands in for Go; the real build is what the tests in tests/cluster run on.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.controlplane import binaries
from tests.controlplane.__main__ import main
from tests.controlplane.binaries import ASSETS, NAMES, UnavailableError
from tests.controlplane.pins import fingerprint, parse_go, read_pins

GO = r"""#!/bin/sh
case "$1" in
    version) echo "go version ${FAKE_VERSION:-go1.99.0} linux/amd64"; exit ;;
    list) echo one; echo two; exit ;;
esac
echo "$*" >> "$FAKE_CALLS"
if [ -n "$FAKE_ERROR" ]; then echo "# some/package" >&2; echo "$FAKE_ERROR" >&2; exit 1; fi
case "$7" in
    */) files="$7/kube-apiserver $7/kube-controller-manager" ;;
    *) files="$7" ;;
esac
for file in $files; do echo x > "$file"; chmod +x "$file"; done
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and a Go that takes no time."""
    (tmp_path / "bin").mkdir()
    executables(tmp_path / "bin", "go", content=GO)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    monkeypatch.delenv(ASSETS, raising=False)
    return tmp_path


def executables(folder: Path, *names: str, content: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    return folder


def calls(machine: Path) -> list[str]:
    log = machine / "calls"
    return log.read_text().splitlines() if log.exists() else []


def test_a_build_brings_all_binaries_once(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first build says what it does and how long it takes; the second has nothing to say."""
    assert main(["build"]) == 0
    assert "Building Kubernetes v1." in capsys.readouterr().err
    folder = binaries.find().folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    assert len(calls(machine)) == 2

    assert main(["build"]) == 0
    assert capsys.readouterr().err == ""
    assert len(calls(machine)) == 2


def test_the_binaries_get_the_version_of_go_mod(machine: Path) -> None:
    """What is linked into them is read from go.mod, where alone it stands."""
    main(["build"])
    version = "k8s.io/component-base/version"
    assert f"-X {version}.gitVersion={read_pins().kubernetes}" in calls(machine)[-1]


def test_a_failed_build_shows_why_and_leaves_nothing(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The compiler's last words are shown, the exit code is 1, and no folder remains."""
    monkeypatch.setenv("FAKE_ERROR", "no space left on device")
    assert main(["build"]) == 1
    assert "no space left on device" in capsys.readouterr().err
    assert [path.name for path in binaries.cache_folder().iterdir()] == ["build.lock"]


@pytest.mark.parametrize("lacking", NAMES)
def test_a_part_of_a_build_is_no_build(lacking: str, machine: Path) -> None:
    """A folder that lacks a binary is built anew, and what a killed build left is swept."""
    cache = binaries.cache_folder()
    executables(cache / fingerprint(), *(name for name in NAMES if name != lacking))
    executables(cache / "building-killed", "bin")
    with pytest.raises(UnavailableError, match="make test"):
        binaries.find()
    assert main(["build"]) == 0
    assert not binaries.missing(binaries.find().folder)
    assert not (cache / "building-killed").exists()


def test_two_builds_at_once_are_one(machine: Path) -> None:
    """The second waits for the first, and finds all done."""
    with ThreadPoolExecutor() as both:
        assert list(both.map(main, [["build"], ["build"]])) == [0, 0]
    assert len(calls(machine)) == 2


def test_a_go_that_is_too_old_is_named(
    monkeypatch: pytest.MonkeyPatch, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Go that is new enough the error says which is needed, found, and what helps."""
    monkeypatch.setenv("FAKE_VERSION", "go1.19")
    monkeypatch.setattr(sys, "executable", str(machine / "venv" / "python"))
    assert main(["build"]) == 1
    message = capsys.readouterr().err
    assert f"{machine / 'bin' / 'go'} is 1.19.0" in message
    assert "`make test` brings one" in message


def test_the_go_of_the_venv_stands_in_for_an_old_one(
    monkeypatch: pytest.MonkeyPatch, machine: Path
) -> None:
    """Where the machine's Go is too old, the one beside Python is used."""
    monkeypatch.setenv("FAKE_VERSION", "go1.19")
    newer = GO.replace("${FAKE_VERSION:-go1.99.0}", "go1.99.0")
    executables(machine / "venv", "go", content=newer)
    monkeypatch.setattr(sys, "executable", str(machine / "venv" / "python"))
    from tests.controlplane.toolchain import find_go

    assert find_go((1, 26, 0)) == str(machine / "venv" / "go")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1.26", (1, 26, 0)), ("1.26.0", (1, 26, 0)), ("1.9.12", (1, 9, 12))],
)
def test_go_versions_compare_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    """1.26 is 1.26.0, and later than 1.9."""
    assert parse_go(text) == numbers


def test_a_folder_of_the_users_is_used_as_it_is(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With KUBEBUILDER_ASSETS nothing is built."""
    monkeypatch.setenv(ASSETS, str(executables(machine / "assets", *NAMES)))
    assert main(["build"]) == 0
    assert binaries.find().folder == machine / "assets"
    assert not calls(machine)


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (NAMES[:2], "no executable kube-controller-manager.*setup-envtest.*garbage collector"),
        (NAMES[2:], "no executable etcd and no kube-apiserver. Add what is missing"),
    ],
    ids=["an envtest folder", "hardly anything"],
)
def test_what_a_folder_of_the_users_lacks_is_named(
    present: tuple[str, ...],
    words: str,
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """KUBEBUILDER_ASSETS without some binary is an error, not a reason to build in secret."""
    monkeypatch.setenv(ASSETS, str(executables(machine / "assets", *present)))
    with pytest.raises(UnavailableError, match=words):
        binaries.find()
    assert main(["build"]) == 1
    assert not calls(machine)
