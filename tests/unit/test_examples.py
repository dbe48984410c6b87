"""Each example runs as it stands, and does what its README says."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fastapi_maintenance.testing import maintenance
from fastapi_maintenance.windows import load_documents
from tests.documentation import ROOT
from tests.python import python
from tests.waiting import wait_for

EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]-*"))
FILE = "MAINTENANCE_FILE"


def load(example: Path, name: str = "app") -> ModuleType:
    """A module of an example, under a name that no other has."""
    own = f"example_{example.name[:2]}_{name}"
    spec = importlib.util.spec_from_file_location(own, example / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play_a_file(example: Path, file: Path) -> None:
    """Its manifest is for another year; a word decides at once."""
    client = TestClient(load(example).app)
    assert client.get("/orders").json() == ["a book"]
    file.write_text("on")
    wait_for(lambda: client.get("/orders").status_code == 503, 30, "a refusal")
    file.write_text((example / "maintenance.yaml").read_text())
    wait_for(lambda: client.get("/orders").status_code == 200, 30, "a window in 2030")


def play_a_cluster(example: Path, file: Path) -> None:
    """Outside of a cluster nobody refuses; the tests of the cluster do the rest."""
    app = load(example).app
    assert TestClient(app).get("/orders").status_code == 200
    with maintenance.manifest(app, example / "window.yaml", at="2026-07-01T00:00:00+00:00"):
        assert TestClient(app).get("/orders").status_code == 503


def play_outside_a_cluster(example: Path, file: Path) -> None:
    """Without a cluster the environment decides; `make pictures` and tests/cluster do the rest."""
    client = TestClient(load(example).app)
    assert client.get("/orders").json() == ["a book"]
    assert client.get("/export/0").json() == "all orders"


def play_a_worker(example: Path, file: Path) -> None:
    """A task goes back to the queue while a window is open, and is done after."""
    worker = load(example, "worker")
    worker.tasks.put(1)
    file.write_text("on")
    wait_for(lambda: worker.backend.state().reads is not None, 30, "the word")
    assert worker.take_one() == 5.0
    assert (worker.charged, worker.tasks.qsize()) == ([], 1)
    file.unlink()
    wait_for(lambda: worker.backend.state().quiet, 30, "its end")
    worker.take_one()
    assert worker.charged == [1]


def play_a_page(example: Path, file: Path) -> None:
    """A page can read the refusal, and the socket ends."""
    app = load(example).app
    page = {"Origin": "http://localhost:8080"}
    with TestClient(app) as client:
        with client.websocket_connect("/prices") as socket:
            socket.send_text("a book")
            assert socket.receive_text() == "a book: 12 €"
            file.write_text("on")
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
        assert closed.value.code == 1012
        refused = client.get("/orders", headers=page)
    assert refused.status_code == 503
    assert refused.headers["Access-Control-Allow-Origin"] == page["Origin"]
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]


def play_tests(example: Path, file: Path) -> None:
    """As a user runs them."""
    assert "4 passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=example)


def play_elsewhere(example: Path, file: Path) -> None:
    """What needs Pods is run by `make e2e`; here its Python is compiled."""
    sources = list(example.rglob("*.py"))
    for source in sources:
        compile(source.read_text(), str(source), "exec")
    used = [path for path in (ROOT / "tests" / "e2e").rglob("*.py") if names(path, example)]
    assert used, f"nothing in tests/e2e runs {example.name}"


def names(path: Path, example: Path) -> bool:
    return example.name in path.read_text()


PLAYS: dict[str, Callable[[Path, Path], None]] = {
    "01-local-file": play_a_file,
    "02-kubernetes": play_a_cluster,
    "05-worker": play_a_worker,
    "06-browser": play_a_page,
    "07-tests": play_tests,
    "08-drain": play_outside_a_cluster,
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_other_middlewares: None
) -> None:
    file = tmp_path / "maintenance.yaml"
    monkeypatch.setenv(FILE, str(file))
    PLAYS.get(example.name, play_elsewhere)(example, file)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_has_a_readme_and_valid_manifests(example: Path) -> None:
    assert f"# {example.name[:2]} " in (example / "README.md").read_text()
    assert example.name in (ROOT / "examples" / "README.md").read_text()
    for path in example.glob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if str(document.get("apiVersion", "")).startswith("fastapi-maintenance.io/"):
                load_documents(yaml.safe_dump(document))
