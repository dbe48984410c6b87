"""What the README and the examples say works."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fastapi_maintenance.windows import KIND, load_documents, parse_manifest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_readmes_application_runs() -> None:
    """Outside a cluster it serves, as EnvVarBackend says."""
    (source,) = blocks("python")
    namespace: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), namespace)
    with TestClient(namespace["app"]) as client:  # type: ignore[arg-type]
        assert client.get("/orders").json() == ["a book"]


def test_the_readmes_manifest_is_valid() -> None:
    """As the shell would hand it to kubectl."""
    (command,) = (block for block in blocks("sh") if "<<EOF" in block)
    manifest = command.partition("<<EOF\n")[2].partition("EOF\n")[0]
    (text, places) = re.subn(r"\$\(date [^)]*\)", "2026-06-01T02:00:00Z", manifest)
    assert places == 1
    assert [parse_manifest(document).name for document in load_documents(text)]


def windows_of(path: Path) -> list[dict[str, object]]:
    documents = load_documents(path.read_text())
    return [document for document in documents if document.get("kind") == KIND]


@pytest.mark.parametrize("number", ["01", "02", "03", "07"])
def test_an_example_with_manifests_has_a_window_and_each_is_valid(number: str) -> None:
    """Beside whatever other objects it needs."""
    paths = ROOT.glob(f"examples/{number}-*/*.yaml")
    assert [parse_manifest(window) for path in paths for window in windows_of(path)]


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("examples/*/app.py")), ids=lambda path: path.parent.name
)
def test_the_examples_applications_run(path: Path) -> None:
    """Outside a cluster no Pod has a name."""
    answer = {"pod": ""} if path.parent.name == "03-pods" else ["a book"]
    with TestClient(runpy.run_path(str(path))["app"]) as client:
        assert client.get("/orders").json() == answer


def test_links_inside_the_repository_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_help_names_every_target() -> None:
    """A target without a help text is not found."""
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z0-9-]+):(?!=)", makefile, re.MULTILINE)
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z0-9-]+)", said.stdout, re.MULTILINE)) == set(targets)
