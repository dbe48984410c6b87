"""Who a process is, and how another is proven to have ended."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes import identity
from fastapi_maintenance.backends.kubernetes.process import Life, Pod
from fastapi_maintenance.backends.kubernetes.process_self import (
    find_self,
    has_ended,
    life_of_process,
)

needs_proc = pytest.mark.skipif(not Path("/proc/self/ns/pid").is_symlink(), reason="no /proc")


@pytest.fixture(autouse=True)
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(identity, "MOUNT", tmp_path)
    for name in ("POD_NAME", "POD_UID", "CONTAINER_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def token(claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{payload}.signature"


BOUND = {"kubernetes.io": {"namespace": "shop", "pod": {"name": "orders-1", "uid": "p"}}}


def test_a_bound_token_names_its_pod(mount: Path) -> None:
    (mount / "token").write_text(token(BOUND))
    assert find_self("orders", "shop").pod == Pod("orders-1", "p")


def test_variables_name_it_where_the_token_does_not_and_win_where_it_does(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the container's name, which nothing in a container tells."""
    monkeypatch.setenv("POD_NAME", "other")
    assert find_self("orders", "shop").pod is None, "a name without a uid is no Pod"
    monkeypatch.setenv("POD_UID", "q")
    assert find_self("orders", "shop").pod == Pod("other", "q")
    monkeypatch.setenv("CONTAINER_NAME", "web")
    (mount / "token").write_text(token(BOUND))
    assert find_self("orders", "shop").pod == Pod("other", "q", "web")


def test_a_pod_in_another_namespace_than_the_windows_says_so(mount: Path) -> None:
    """By its name alone, the operator would not find it where the object is."""
    (mount / "token").write_text(token(BOUND))
    assert find_self("orders", "other").pod == Pod("orders-1", "p", namespace="shop")


@pytest.mark.parametrize(
    "content",
    ["", "opaque", "a.b.c", token([]), token({}), token({"kubernetes.io": {"pod": "orders-1"}})],
)
def test_any_other_token_names_none(mount: Path, content: str) -> None:
    (mount / "token").write_text(content)
    assert find_self("orders", "shop").pod is None


@needs_proc
def test_a_process_that_runs_has_not_ended_and_one_that_ended_has() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        life = life_of_process(child.pid)
        assert life is not None
        assert not has_ended(life)
        child.communicate(b"\n")
    assert has_ended(life)


@needs_proc
def test_a_number_that_was_given_anew_is_another_process() -> None:
    own = life_of_process(os.getpid())
    assert own is not None
    assert not has_ended(own)
    assert has_ended(Life(own.pid, own.start_ticks - 1, own.namespace))


@needs_proc
def test_of_another_pid_namespace_nothing_can_be_told() -> None:
    """There the same number is somebody else."""
    own = life_of_process(os.getpid())
    assert own is not None
    assert not has_ended(Life(own.pid, own.start_ticks - 1, "pid:[1]"))
    assert not has_ended(Life(2**22 + 1, 1, "pid:[1]"))


def test_without_proc_nothing_can_be_told(tmp_path: Path) -> None:
    assert life_of_process(os.getpid(), tmp_path) is None
    assert not has_ended(Life(1, 1, "pid:[1]"), tmp_path)


def test_a_process_whose_proc_entry_cannot_be_read_has_not_ended(tmp_path: Path) -> None:
    """Hidden is not gone."""
    for pid in (os.getpid(), 7):
        (tmp_path / str(pid)).mkdir()
    (tmp_path / "self" / "ns").mkdir(parents=True)
    (tmp_path / "self" / "ns" / "pid").symlink_to("pid:[1]")
    (tmp_path / str(os.getpid()) / "stat").write_text("1 (a) b) S " + "0 " * 30)
    assert not has_ended(Life(7, 1, "pid:[1]"), tmp_path)
    assert has_ended(Life(8, 1, "pid:[1]"), tmp_path)
