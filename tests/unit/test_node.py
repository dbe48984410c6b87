"""The node's errors, pins and choices: what can be known without starting one."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.pins import CONTROL_PLANE, read_pins
from tests.e2e.conftest import lack
from tests.e2e.target import target
from tests.node import cgroups, machine
from tests.node.__main__ import main
from tests.node.pins import NODE

if TYPE_CHECKING:
    from pathlib import Path

KIND = """#!/bin/sh
echo "$*" >> "{calls}"
"""


def test_control_plane_and_node_are_of_the_same_kubernetes() -> None:
    """The two go.mod files name the same versions of what both have."""
    theirs, ours = (versions(recipe.module) for recipe in (CONTROL_PLANE, NODE))
    shared = theirs.keys() & ours.keys()
    assert ours["k8s.io/kubernetes"] == read_pins().kubernetes
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def versions(module: Path) -> dict[str, str]:
    """The versions that a go.mod requires."""
    lines = re.findall(r"^\t(\S+) (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    return dict(lines)


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [("platform", "darwin", "it needs Linux, and this is darwin")],
)
def test_another_system_is_named(
    attribute: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is needed, and what else can be done."""
    monkeypatch.setattr(sys, attribute, value)
    with pytest.raises(UnavailableError, match=said) as error:
        machine.check()
    assert "CLUSTER=kind" in str(error.value)


def test_an_ordinary_user_is_told_of_root(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the command's exit code is 1."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["build"]) == 1
    assert "it needs root" in capsys.readouterr().err


def test_every_tool_that_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, so that one installation mends it."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError) as error:
        machine.check()
    for tool, package in machine.TOOLS.items():
        assert f"{tool} is missing ({package})" in str(error.value)


@pytest.mark.parametrize("lacking", cgroups.NEEDED)
def test_a_missing_cgroup_hierarchy_is_named(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of version 1 each controller has its own."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    monkeypatch.setattr("pathlib.Path.is_mount", lambda self: True)
    for name in cgroups.NEEDED:
        if name != lacking:
            (tmp_path / name).mkdir()
    assert cgroups.lacking() == [f"{tmp_path}/{lacking} is missing"]


def test_cgroups_of_a_dead_starter_are_swept_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their name says who started the node."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    monkeypatch.setattr("pathlib.Path.is_mount", lambda self: True)
    dead, alive = (f"{cgroups.name_for(pid)}-ab" for pid in (2**22 + 1, 1))
    (tmp_path / "memory" / dead / "pod").mkdir(parents=True)
    (tmp_path / "memory" / alive).mkdir()
    cgroups.sweep()
    assert [path.name for path in (tmp_path / "memory").iterdir()] == [alive]


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_what_is_missing_fails_on_ci_and_skips_elsewhere(
    ci: str, outcome: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way with the reason."""
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome.Exception, match="it needs root"):
        lack(UnavailableError("it needs root"))


def test_kind_makes_a_cluster_takes_images_and_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a kubeconfig of its own, so that the user's stays as it is."""
    calls = tmp_path / "calls"
    for tool in ("kind", "docker"):
        (tmp_path / tool).write_text(KIND.format(calls=calls))
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with target("kind", tmp_path) as made:
        made.load(tmp_path / "image.tar")
        assert made.node is None
    create, load, delete = calls.read_text().splitlines()
    assert create.startswith("create cluster")
    assert f"--kubeconfig {made.kubeconfig}" in create
    assert load.startswith(f"load image-archive {tmp_path / 'image.tar'}")
    assert delete.startswith("delete cluster")


@pytest.mark.parametrize("missing", ["kind", "docker"])
def test_what_kind_needs_is_named(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kind itself, and Docker."""
    present = tmp_path / ("docker" if missing == "kind" else "kind")
    present.write_text("#!/bin/sh\n")
    present.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=f"needs {missing}"), target("kind", tmp_path):
        pass


def test_the_current_cluster_needs_a_registry_that_has_our_images(tmp_path: Path) -> None:
    """Nothing can be loaded into it; the error says how to get the images there."""
    with pytest.raises(UnavailableError, match="IMAGES="), target("current", tmp_path):
        pass


def test_the_current_cluster_is_that_of_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen into a file of its own; where there is none, the error names the file."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with (
        pytest.raises(UnavailableError, match="absent does not exist"),
        target("current", tmp_path, "registry.example.com/team"),
    ):
        pass
