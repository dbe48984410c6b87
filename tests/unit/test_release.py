"""What is released: the same bytes each time, whole, of one version, and it runs by itself.

The long form, `make dist-check`, adds the bill of materials, and an environment where nothing is
but the wheel and what it needs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from fastapi_maintenance.cli._app import app
from release import follow
from release.build import ROOT, build, main, version
from release.chart import package_chart
from release.environment import make_environment
from tests.chart import CHART

ALL = os.environ.get("RELEASE") == "all"
long = pytest.mark.skipif(not ALL, reason="long: make dist-check")
VERBS = {command.name for command in app.registered_commands}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    build(folder, sbom=ALL)
    return folder


def the(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def run(*words: str, **environment: str) -> str:
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ["PATH"], **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_that_is_named_is_not_emptied(tmp_path: Path) -> None:
    """It may be anybody's; only dist/release is known to be made by this."""
    kept = tmp_path / "thesis.tex"
    kept.touch()
    with pytest.raises(SystemExit, match="is not empty: name a folder"):
        main(str(tmp_path))
    assert kept.exists()


def test_the_same_commit_makes_the_same_bytes(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the hour, the zone and the mask of modes."""
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    before = os.umask(0o077)
    try:
        build(tmp_path, sbom=ALL)
    finally:
        os.umask(before)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in made.iterdir())
    for path in made.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_another_moment_makes_other_bytes(tmp_path: Path) -> None:
    """So the test above compares what depends on it."""
    first = package_chart(CHART, tmp_path, 1_800_000_000).read_bytes()
    assert package_chart(CHART, tmp_path, 1_800_000_000).read_bytes() == first
    assert package_chart(CHART, tmp_path, 1_800_000_001).read_bytes() != first


def test_checksums_are_of_all_files_and_name_the_one_that_was_changed(
    made: Path, tmp_path: Path
) -> None:
    """Checked as whoever downloads them checks them."""
    names = {line.partition("  ")[2] for line in (made / "SHA256SUMS").read_text().splitlines()}
    assert names == {path.name for path in made.iterdir()} - {"SHA256SUMS"}
    assert len(names) == (5 if ALL else 4)
    assert checked(made).returncode == 0
    copy = shutil.copytree(made, tmp_path / "copy")
    with the(copy, "*.whl").open("ab") as wheel:
        wheel.write(b"!")
    found = checked(copy)
    assert found.returncode == 1
    failed = [line for line in found.stdout.splitlines() if not line.endswith(": OK")]
    assert failed == [f"{the(copy, '*.whl').name}: FAILED"]


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """What SECURITY.md says to run."""
    tool = "sha256sum" if shutil.which("sha256sum") else "shasum"  # the latter on some Macs
    command = [tool, "--check", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_wheel_holds_all_that_is_committed_of_both_packages(made: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "fastapi_maintenance", "operator/fastapi_maintenance_operator"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    committed = {name.removeprefix("operator/") for name in listed}
    # What the command line prints.
    committed |= {f"fastapi_maintenance/cli/crds/{each.name}" for each in ROOT.glob("crds/*.yaml")}
    with zipfile.ZipFile(the(made, "*.whl")) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == committed
    assert "fastapi_maintenance/py.typed" in names


def test_the_chart_is_the_one_of_the_checkout(made: Path) -> None:
    with tarfile.open(the(made, "*.tgz")) as archive:
        files = {m.name: archive.extractfile(m) for m in archive.getmembers()}
        template = files["fastapi-maintenance/templates/deployment.yaml"]
        metadata = files["fastapi-maintenance/Chart.yaml"]
        assert template is not None
        assert metadata is not None
        assert template.read() == (CHART / "templates" / "deployment.yaml").read_bytes()
        assert yaml.safe_load(metadata.read())["appVersion"] == version()


def test_helm_makes_of_the_packed_chart_what_it_makes_of_the_folder(made: Path) -> None:
    """But for the hour of a window in a year, which is that of the rendering.

    In a process of its own, for Helm's library brings a Go runtime.
    """
    render = (
        "import json, sys, helm_python\n"
        "with helm_python.Chart.load(sys.argv[1]) as chart:\n"
        "    rendered = chart.render(name='x', namespace='y')\n"
        "print(json.dumps(rendered, sort_keys=True))"
    )
    charts = the(made, "*.tgz"), CHART
    packed, folder = (run(sys.executable, "-c", render, str(chart)) for chart in charts)
    assert json.loads(packed)
    instant = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert instant.sub("", packed) == instant.sub("", folder)


def test_the_bundle_has_every_crd(made: Path) -> None:
    bundle = yaml.safe_load_all(the(made, "*-crds-*.yaml").read_text())
    assert {crd["spec"]["names"]["kind"] for crd in bundle} == {
        "MaintenanceWindow",
        "ClusterMaintenanceWindow",
        "MaintenanceProcess",
    }


def test_the_wheel_runs_without_the_checkout(made: Path, tmp_path: Path) -> None:
    """Its own files, with what is installed here of others."""
    with zipfile.ZipFile(the(made, "*.whl")) as wheel:
        wheel.extractall(tmp_path)
    places = [str(tmp_path), *(place for place in sys.path if place.endswith("site-packages"))]
    asked = "import fastapi_maintenance as package; print(package.__file__)"
    found = run(sys.executable, "-P", "-c", asked, PYTHONPATH=os.pathsep.join(places))
    assert Path(found.strip()).is_relative_to(tmp_path)
    for module in ("fastapi_maintenance.cli", "fastapi_maintenance_operator"):
        told = run(sys.executable, "-P", "-m", module, "--help", PYTHONPATH=os.pathsep.join(places))
        assert "sage" in told


def test_the_version_stands_in_one_place_and_all_others_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Written by hand in pyproject.toml alone; each file that names it would follow a new one."""
    assert list(follow.behind()) == []
    monkeypatch.setattr(follow, "version", lambda: "9.8.7")
    due = {str(path.relative_to(ROOT)): text for path, text in follow.behind()}
    assert set(due) == set(follow.NAMING)
    assert all("9.8.7" in text for text in due.values())
    named = subprocess.run(
        ["git", "grep", "-l", "-F", f"operator:{version()}", "--", ":!tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(named) - set(follow.NAMING) == set()


@long
def test_the_sdist_makes_the_same_wheel(made: Path, tmp_path: Path) -> None:
    with tarfile.open(the(made, "*.tar.gz")) as sdist:
        sdist.extractall(tmp_path, filter="data")
    source = the(tmp_path, "fastapi_maintenance-*")
    moment = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=source,
        env=os.environ | {"SOURCE_DATE_EPOCH": moment},
        check=True,
    )
    assert the(tmp_path, "*.whl").read_bytes() == the(made, "*.whl").read_bytes()


@long
def test_it_runs_where_nothing_else_is(made: Path, tmp_path: Path) -> None:
    """What its metadata asks for is there, and no more is needed."""
    lock = ROOT / "requirements" / "operator.txt"
    python = make_environment(tmp_path / "environment", the(made, "*.whl"), lock)
    command = python.with_name("fastapi-maintenance")
    assert run(str(command), "--version").strip() == f"fastapi-maintenance {version()}"
    assert VERBS
    for verb in VERBS:
        assert "Usage" in run(str(command), str(verb), "--help")
    run(str(python), "-m", "fastapi_maintenance_operator", "--help")
    run(
        str(python),
        "-c",
        "from fastapi_maintenance import *; from fastapi_maintenance import testing",
    )


@long
def test_the_bill_names_what_is_needed(made: Path) -> None:
    bill = json.loads(the(made, "*.cdx.json").read_text())
    assert bill["metadata"]["component"]["version"] == version()
    names = {component["name"].lower() for component in bill["components"]}
    assert {"fastapi", "kopf", "cronsim", "typer", "prometheus_client"} <= names
