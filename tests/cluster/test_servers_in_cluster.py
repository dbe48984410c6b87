"""K8sBackend under every kind of server: each worker follows, refuses, writes, and ends in time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.testclient import TestClient

from tests.cluster.application import Application
from tests.cluster.windows import apply_window
from tests.servers import serving
from tests.servers.serving import HOST, faults, uvicorn
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.controlplane.identity import Identity
    from tests.controlplane.kubectl import Kubectl
    from tests.servers.serving import Command

    Start = Callable[..., Application]


PATIENCE = 25.0
"""Seconds, less than a server waits for a worker that does not end: thirty."""


def uvicorn_4(app: str, port: int) -> list[str]:
    """Of which none is replaced for being late on a busy machine."""
    return [*uvicorn(app, port), "--workers", "4", "--timeout-worker-healthcheck", "20"]


def without_lifespan(app: str, port: int) -> list[str]:
    return [*uvicorn(app, port), "--lifespan", "off"]


def gunicorn_preload(app: str, port: int) -> list[str]:
    """The application is loaded, and its backend made, before the workers are forked."""
    options = ["--preload", "--workers", "2", "--worker-class", "uvicorn_worker.UvicornWorker"]
    return ["gunicorn", app, "--bind", f"{HOST}:{port}", *options]


def granian_2(app: str, port: int) -> list[str]:
    return [*serving.granian(app, port), "--workers", "2"]


KINDS: dict[str, tuple[Command, int]] = {
    "uvicorn": (uvicorn, 1),
    "uvicorn with 4 workers": (uvicorn_4, 4),
    "gunicorn with --preload": (gunicorn_preload, 2),
    "hypercorn": (serving.hypercorn, 1),
    "hypercorn on trio": (serving.hypercorn_trio, 1),
    "granian with 2 workers": (granian_2, 2),
    "no lifespan": (without_lifespan, 1),
}
"""How each is started, and how many processes serve."""


@pytest.fixture
def start(writer: Identity, tmp_path: Path) -> Iterator[Start]:
    """Starts the shop; whatever happens, it is ended."""
    with ExitStack() as ending:

        def begin(serve: Command = uvicorn, app: str = "shop:app", **more: str) -> Application:
            server = Application(writer, tmp_path / "app.log", app=app, serve=serve, **more)
            ending.callback(server.stop)
            server.start()
            return server

        yield begin


def await_all(app: Application, code: int, workers: int) -> None:
    """Wait until every worker answers so."""
    seen = set[int]()

    def ask(_: int) -> None:
        # The first request keeps its worker from the other connections; the second meets it again.
        with httpx.Client(base_url=app.client.base_url, trust_env=False, timeout=30) as client:
            pid = client.get("/asleep", params={"seconds": 0.05}).json()
            if client.get("/orders").status_code == code:
                seen.add(pid)

    def all_say_so() -> bool:
        with ThreadPoolExecutor(2 * workers) as pool:
            list(pool.map(ask, range(2 * workers)))
        return len(seen) >= workers

    app.process.wait_for(all_say_so, 60, f"{code} from {workers} workers")


@pytest.mark.parametrize("kind", KINDS)
def test_every_worker_follows_and_any_writes(
    kubectl: Kubectl, namespace: str, start: Start, kind: str
) -> None:
    """A window applied and deleted; a switch turned, and a block, by whichever worker is asked."""
    serve, workers = KINDS[kind]
    app = start(serve)
    await_all(app, 200, workers)
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    await_all(app, 503, workers)
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    await_all(app, 200, workers)
    for path, code in (("/switch/true", 503), ("/switch/false", 200)):
        app.client.post(path).raise_for_status()
        assert app.get().status_code == code  # the next request on the connection
        await_all(app, code, workers)
    assert app.client.post("/block").json() is True
    assert app.get().status_code == 200
    began = time.monotonic()
    app.stop()
    assert time.monotonic() - began < PATIENCE
    assert faults(app.output()) == []


def test_a_blocked_event_loop_hears_of_a_window_meanwhile(
    kubectl: Kubectl, namespace: str, start: Start
) -> None:
    """The first request after is refused: the watch has a thread of its own."""
    app = start()
    with httpx.Client(base_url=app.client.base_url, trust_env=False, timeout=60) as client:
        with pytest.raises(httpx.ReadTimeout):
            # Only the answer is not waited for: to connect may take a while on a busy machine.
            client.get("/asleep", params={"seconds": 8}, timeout=httpx.Timeout(60, read=0.2))
        apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
        assert client.get("/orders").status_code == 503


def test_several_apps_of_one_process_each_follow_their_own_windows(
    kubectl: Kubectl, namespace: str, start: Start
) -> None:
    app = start(app="shop:several", serve=uvicorn)
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    app.process.wait_for(
        lambda: app.client.get("/one/orders").status_code == 503, 30, "the window of orders"
    )
    assert app.client.get("/two/orders").status_code == 200
    app.client.post("/two/switch/true").raise_for_status()
    assert app.client.get("/two/orders").status_code == 503
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    app.process.wait_for(
        lambda: app.client.get("/one/orders").status_code == 200, 30, "the end of the window"
    )
    assert app.client.get("/two/orders").status_code == 503


@pytest.mark.parametrize("lifespan", [True, False])
def test_a_test_client_is_a_server_too(
    kubectl: Kubectl,
    namespace: str,
    writer: Identity,
    monkeypatch: pytest.MonkeyPatch,
    lifespan: bool,
) -> None:
    """With lifespan events, and without."""
    monkeypatch.setenv("FASTAPI_MAINTENANCE_KUBECONFIG", str(writer.kubeconfig))
    from tests.cluster import shop

    app = shop.make("orders")
    client = TestClient(app)
    with ExitStack() as living:
        living.callback(app.state.backend.close)  # where no lifespan event says when
        if lifespan:
            living.enter_context(client)
        assert client.get("/orders").status_code == 200
        apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
        wait_for(lambda: client.get("/orders").status_code == 503, what="the window")
        kubectl("delete", "mw", "upgrade", "-n", namespace)
        wait_for(lambda: client.get("/orders").status_code == 200, what="its end")
        for path, code in (("/switch/true", 503), ("/switch/false", 200)):
            assert client.post(path).status_code == 200
            assert client.get("/orders").status_code == code
