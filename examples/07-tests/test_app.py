"""What visitors meet, on that night and on any other."""

from pathlib import Path

from app import app
from fastapi.testclient import TestClient

from fastapi_maintenance.testing import maintenance

NIGHT = Path(__file__).with_name("night.yaml")
client = TestClient(app)


def test_probes_pass_while_a_window_is_open() -> None:
    with maintenance.window(app):
        assert client.get("/healthz").status_code == 200
        assert client.get("/orders").status_code == 503


def test_people_can_look_but_not_order() -> None:
    with maintenance.manifest(app, NIGHT, at="2026-06-01T00:45:00+00:00"):
        assert client.get("/orders").status_code == 200
        assert client.post("/orders").status_code == 503


def test_the_night_when_clocks_go_forward_has_its_window_at_three() -> None:
    with maintenance.manifest(app, NIGHT, at="2026-03-29T00:59:59+00:00"):
        assert client.post("/orders").status_code == 200
    with maintenance.manifest(app, NIGHT, at="2026-03-29T01:00:00+00:00"):
        assert client.post("/orders").status_code == 503


def test_by_day_nothing_is_refused() -> None:
    with maintenance.manifest(app, NIGHT, at="2026-06-01T12:00:00+00:00"):
        assert client.post("/orders").status_code == 200
