"""The images that are made here beside the Dockerfiles that others build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.images.build import OPERATOR, ROOT, version
from tests.images.dockerfile import Dockerfile
from tests.images.reading import Image

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


@pytest.fixture(scope="module")
def archive(images: list[Path]) -> Path:
    """That of the operator."""
    return images[0]


@pytest.fixture(scope="module")
def operator(archive: Path) -> Image:
    """The operator's image."""
    return Image.read(archive)


def test_it_holds_what_the_dockerfiles_lock_names_and_this_package(operator: Image) -> None:
    """The same distributions in the same versions; nothing more, nothing less."""
    _, lock, *_ = Dockerfile.read(OPERATOR / "Dockerfile").runs("dependencies.sh")
    pinned = re.findall(r"^([\w.-]+)==([^ ;\\]+)(.*)$", (ROOT / lock).read_text(), re.MULTILINE)
    locked = {f"{plain(name)} {number}" for name, number, marker in pinned if applies(marker)}
    metadata = (path for path in operator.contents if path.endswith(".dist-info/METADATA"))
    found = {distribution(operator.contents[path].decode()) for path in metadata}
    assert found == locked | {f"fastapi-maintenance {version()}"}


def distribution(metadata: str) -> str:
    """Name and version that a distribution gives itself."""
    fields = dict(re.findall(r"^(Name|Version): (.+)$", metadata, re.MULTILINE))
    return f"{plain(fields['Name'])} {fields['Version']}"


def plain(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def applies(marker: str) -> bool:
    """Whether a line of the lock is for Python 3.11 on Linux."""
    from packaging.markers import Marker, default_environment

    text = marker.strip().removeprefix(";").rstrip("\\ ").strip()
    here = {**default_environment(), "python_version": "3.11", "python_full_version": "3.11.2"}
    return not text or Marker(text).evaluate({key: str(value) for key, value in here.items()})


def test_it_is_run_as_the_dockerfile_says(operator: Image) -> None:
    """User, command, environment, labels, port."""
    said = Dockerfile.read(OPERATOR / "Dockerfile").config()
    assert operator.config["User"] == said.user != ""
    assert operator.config["Entrypoint"] == list(said.entrypoint) != []
    assert operator.config["Labels"] == said.labels != {}
    assert operator.config["Env"] == [f"{key}={value}" for key, value in said.environment.items()]
    assert list(operator.config["ExposedPorts"]) == ["8080/tcp"]


def test_nobody_finds_a_shell_in_it_or_anything_to_write(operator: Image) -> None:
    """No shell, no package manager, no set-uid file, no file that others than root may write."""
    names = {name.rpartition("/")[2] for name in operator.members}
    assert names & {"sh", "bash", "dash", "busybox", "apt-get", "dpkg", "pip"} == set()
    files = [it for it in operator.members.values() if it.isfile() or it.isdir()]
    assert files
    assert [it.name for it in files if it.mode & 0o6022] == []


def test_its_modules_are_compiled_and_its_commands_are_for_its_python(operator: Image) -> None:
    """Nothing can be compiled at run time; a compiled module trusts itself, not its file's time."""
    compiled = {
        path: content for path, content in operator.contents.items() if path.endswith(".pyc")
    }
    ours = "app/fastapi_maintenance_operator/__pycache__/__main__.cpython-311.pyc"
    assert {content[4:8] for content in compiled.values()} == {b"\1\0\0\0"}
    assert b"/app/fastapi_maintenance_operator/__main__.py" in compiled[ours]
    command = operator.contents["app/bin/fastapi-maintenance"]
    assert command.startswith(b"#!/usr/bin/python\n")
    assert operator.members["usr/bin/python"].linkname == "python3.11"


def test_it_is_small(archive: Path) -> None:
    """Less to download than Python's own slim image alone."""
    assert archive.stat().st_size < 45 * MIB
