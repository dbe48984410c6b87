"""The answer that the README shows is the answer that is given."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware
from fastapi_maintenance.testing import maintenance
from tests.documentation import ROOT, blocks
from tests.shell import documents

START = "2026-06-01T22:00:00Z"
OF_README = [block for block in blocks("http", "sh") if block.page == ROOT / "README.md"]


def test_the_readme_s_window_is_answered_as_the_readme_shows(tmp_path: Path) -> None:
    """Status, headers and body, at the instant at which the window opens."""
    (shown,) = [block.text for block in OF_README if block.language == "http"]
    (manifest,) = [text for block in OF_README for text in documents(block)]
    file = tmp_path / "window.yaml"
    file.write_text(manifest.replace("$(date -u +%Y-%m-%dT%H:%M:%SZ)", START))
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=K8sBackend("orders"))
    app.get("/orders")(lambda: ["a book"])
    with maintenance.manifest(app, file, at=START):
        answer = TestClient(app).get("/orders")
    head, _, body = shown.partition("\n\n")
    status, *headers = head.splitlines()
    assert status == f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
    for name, value in (line.split(": ", 1) for line in headers):
        assert answer.headers[name] == value
    assert answer.text == body.strip()
    assert int(answer.headers["Retry-After"]) == timedelta(hours=2).total_seconds()
