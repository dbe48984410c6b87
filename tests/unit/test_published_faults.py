"""The 22 faults that were reproduced in the published fastapi-maintenance 0.0.5.

Each test has the fault's number; none may come back.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from starlette.routing import Host
from starlette.testclient import TestClient, WebSocketDenialResponse

from fastapi_maintenance import (
    EnvVarBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    force_maintenance_mode_off,
    force_maintenance_mode_on,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
)
from fastapi_maintenance.windows import OFF, Opening, switched
from tests.unit.making import Held

ON = switched(Opening())


def gated(app: FastAPI, **options: Any) -> TestClient:
    app.add_middleware(MaintenanceModeMiddleware, **{"backend": Held(ON), **options})
    return TestClient(app)


def answering(path: str = "/orders", **options: Any) -> FastAPI:
    app = FastAPI(**options)
    app.get(path)(lambda: "a book")
    return app


def test_01_an_included_router() -> None:
    router = APIRouter(prefix="/shop")
    router.get("/orders")(lambda: "a book")
    app = FastAPI()
    app.include_router(router)
    client = gated(app)
    assert client.get("/shop/orders").status_code == 503
    assert client.get("/shop/none").status_code == 404


def test_02_a_mount() -> None:
    app = FastAPI()
    app.mount("/shop", answering())
    client = gated(app)
    assert client.get("/shop/orders").status_code == 503
    assert client.get("/shop/none").status_code == 404


def test_03_a_host_route() -> None:
    app = FastAPI()
    app.router.routes.append(Host("{shop}.example.org", answering()))
    client = gated(app)
    here = {"Host": "books.example.org"}
    assert client.get("/orders", headers=here).status_code == 503
    assert client.get("/none", headers=here).status_code == 404
    assert client.get("/orders").status_code == 404


@pytest.mark.parametrize("path", ["/orders", "/api/orders"])
def test_04_a_root_path_opens_nothing(path: str) -> None:
    """As with ``--root-path``, whether the proxy strips the prefix or not."""
    app = answering()
    gated(app)
    assert TestClient(app, root_path="/api").get(path).status_code == 503


def test_05_websockets_are_refused() -> None:
    app = FastAPI()

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()

    with pytest.raises(WebSocketDenialResponse), gated(app).websocket_connect("/talk"):
        pass


def test_06_a_decorator_governs_its_own_method_alone() -> None:
    app = FastAPI()
    app.get("/orders")(force_maintenance_mode_on(lambda: "a book"))
    app.post("/orders")(lambda: "a book")
    client = gated(app, backend=Held(OFF))
    assert client.get("/orders").status_code == 503
    assert client.post("/orders").status_code == 200


@pytest.mark.parametrize("first_is_forced", [True, False])
def test_07_the_route_that_comes_first_counts(first_is_forced: bool) -> None:
    app = FastAPI()
    open_for = force_maintenance_mode_off(lambda: "latest")
    routes: list[tuple[str, Any]] = [
        ("/orders/latest", open_for),
        ("/orders/{number}", lambda number: number),
    ]
    for path, endpoint in routes if first_is_forced else reversed(routes):
        app.get(path)(endpoint)
    assert gated(app).get("/orders/latest").status_code == (200 if first_is_forced else 503)


@pytest.mark.anyio
async def test_08_overlapping_blocks_do_not_turn_each_other_off() -> None:
    backend = EnvVarBackend("NO_SUCH_VARIABLE")
    first, second = maintenance_mode_on(backend), maintenance_mode_on(backend)
    await first.__aenter__()
    await second.__aenter__()
    await first.__aexit__(None, None, None)
    assert await get_maintenance_mode(backend)
    await second.__aexit__(None, None, None)


@pytest.mark.anyio
async def test_09_overlapping_blocks_leave_nothing_on() -> None:
    backend = EnvVarBackend("NO_SUCH_VARIABLE")
    began, may_end = asyncio.Event(), asyncio.Event()

    async def outlasts() -> None:
        async with maintenance_mode_on(backend):
            began.set()
            await may_end.wait()

    async with maintenance_mode_on(backend):
        task = asyncio.create_task(outlasts())
        await began.wait()
    assert await get_maintenance_mode(backend)
    may_end.set()
    await task
    assert not await get_maintenance_mode(backend)


@pytest.mark.parametrize("options", [{"backend": Held(ON)}, {"enable_maintenance": True}])
def test_10_overriding_to_off_turns_it_off(options: dict[str, Any]) -> None:
    backend = Held(ON)
    client = gated(answering(), **{**options, "backend": backend})
    with maintenance_mode_off(backend):
        assert client.get("/orders").status_code == 200
    assert client.get("/orders").status_code == 503


def test_11_a_block_of_one_backend_leaves_others_alone() -> None:
    mine, another = Held(OFF), Held(OFF)
    client, neighbour = gated(answering(), backend=mine), gated(answering(), backend=another)
    with maintenance_mode_on(mine):
        assert client.get("/orders").status_code == 503
        assert neighbour.get("/orders").status_code == 200


def test_12_each_application_has_the_backend_that_it_was_given() -> None:
    on, off = gated(answering(), backend=Held(ON)), gated(answering(), backend=Held(OFF))
    assert on.get("/orders").status_code == 503
    assert off.get("/orders").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"mango", id="13 garbage"),
        pytest.param("1".encode("utf-16"), id="14 UTF-16"),
        pytest.param(None, id="15 a missing folder"),
    ],
)
def test_13_14_15_a_bad_file_fails_no_request(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "missing" / "mode" if content is None else tmp_path / "mode"
    if content is not None:
        file.write_bytes(content)
    client = gated(answering(), backend=LocalFileBackend(str(file)))
    assert client.get("/orders").status_code == 200


@pytest.mark.anyio
async def test_16_a_reader_never_sees_half_a_write(tmp_path: Path) -> None:
    file = tmp_path / "mode"
    backend = LocalFileBackend(file)
    await backend.set_value(True)
    seen: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(file.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        while len(seen) < 50:
            await backend.set_value(True)
    finally:
        done.set()
        reader.join()
    assert {text.strip() for text in seen} == {"1"}


@pytest.mark.anyio
async def test_17_reading_creates_no_file(tmp_path: Path) -> None:
    backend = LocalFileBackend(tmp_path / "mode")
    assert not await backend.get_value()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_18_head_and_options_are_refused_where_they_are_served(method: str) -> None:
    app = FastAPI()
    app.api_route("/orders", methods=[method])(lambda: "a book")
    app.get("/only-get")(lambda: "a book")
    client = gated(app)
    assert client.request(method, "/orders").status_code == 503
    assert client.request(method, "/only-get").status_code == 405


def test_19_documentation_stays_open_at_its_own_addresses() -> None:
    app = answering(docs_url="/handbook", redoc_url="/redbook", openapi_url="/schema.json")
    client = gated(app)
    for path in ("/handbook", "/redbook", "/schema.json", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 200, path


def test_20_a_page_of_ones_own_that_is_called_docs_is_refused() -> None:
    assert gated(answering("/docs", docs_url=None)).get("/docs").status_code == 503


@pytest.mark.parametrize("path", ["/%6frders", "/orders%2Fbooks", "/orders/b%C3%BCcher"])
def test_21_encoded_paths_open_nothing(path: str) -> None:
    app = answering()
    app.get("/orders/{name}")(lambda name: name)
    client = gated(app)
    assert client.get(path).status_code == 503


@pytest.mark.parametrize("cors_first", [True, False])
def test_22_refusals_have_cors_headers(cors_first: bool) -> None:
    app = answering()
    allowed: dict[str, Any] = {"allow_origins": ["https://shop.example"], "allow_methods": ["PUT"]}
    if cors_first:
        app.add_middleware(CORSMiddleware, **allowed)
    client = gated(app)
    if not cors_first:
        app.add_middleware(CORSMiddleware, **allowed)
    refused = client.get("/orders", headers={"Origin": "https://shop.example"})
    assert refused.status_code == 503
    assert refused.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    other = client.get("/orders", headers={"Origin": "https://elsewhere.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "PUT"}
    assert client.options("/orders", headers=asks).status_code == 200
