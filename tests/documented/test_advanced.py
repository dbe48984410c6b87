"""Blocks, start-up and shutdown, dependencies, a status endpoint, CORS, and several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    configure_backend,
    force_maintenance_mode_off,
    get_maintenance_mode,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends import BaseStateBackend, LocalFileBackend
from tests.waiting import wait_for


class Deploying:
    """An application with an endpoint that deploys in a block, for as long as the test likes."""

    def __init__(self, backend: BaseStateBackend | None = None) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.app = FastAPI()
        self.app.add_middleware(MaintenanceModeMiddleware, backend=backend)
        self.app.get("/books")(lambda: "a book")
        self.app.post("/deploy")(self.deploy)

    async def deploy(self) -> dict[str, bool]:
        async with maintenance_mode_on():
            inside = await get_maintenance_mode()
            self.begun.set()
            await self.may_end.wait()
        return {"inside": inside, "after": await get_maintenance_mode()}

    async def run(self) -> None:
        """Ask for a book before, during and after."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.get("/books")).status_code == 200
            deploying = asyncio.create_task(client.post("/deploy"))
            await self.begun.wait()
            assert (await client.get("/books")).status_code == 503
            assert (await client.post("/deploy")).status_code == 503
            self.may_end.set()
            assert (await deploying).json() == {"inside": True, "after": False}
            assert (await client.get("/books")).status_code == 200


@pytest.mark.anyio
async def test_a_block_in_an_endpoint() -> None:
    """The variable itself is never changed."""
    await Deploying().run()


@pytest.mark.anyio
@pytest.mark.parametrize("before", [None, "0"])
async def test_a_block_with_a_file(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / "maintenance.txt"
    if before is not None:
        file.write_text(before)
    await Deploying(LocalFileBackend(file_path=str(file))).run()
    assert not await LocalFileBackend(str(file)).get_value()


@pytest.mark.anyio
async def test_a_block_with_a_file_that_says_on_leaves_it_on(tmp_path: Path) -> None:
    file = tmp_path / "maintenance.txt"
    file.write_text("1")
    backend = LocalFileBackend(str(file))
    async with maintenance_mode_on(backend=backend):
        assert await get_maintenance_mode(backend)
    assert await get_maintenance_mode(backend)
    assert file.read_text().strip() == "1"


@pytest.mark.anyio
async def test_a_block_concerns_its_own_backend_alone(tmp_path: Path) -> None:
    backend = LocalFileBackend(file_path=str(tmp_path / "another.txt"))
    app = Deploying().app
    async with maintenance_mode_on(backend=backend):
        assert await get_maintenance_mode(backend)
        assert TestClient(app).get("/books").status_code == 200


@pytest.mark.anyio
async def test_nested_blocks() -> None:
    assert not await get_maintenance_mode()
    async with maintenance_mode_on():
        assert await get_maintenance_mode()
        async with maintenance_mode_on():
            assert await get_maintenance_mode()
        assert await get_maintenance_mode()
    assert not await get_maintenance_mode()


@pytest.mark.parametrize("configured", [True, False])
def test_start_up_clears_and_shutdown_sets(tmp_path: Path, configured: bool) -> None:
    file = tmp_path / "maintenance.txt"
    file.write_text("1")
    if configured:
        configure_backend("file", file_path=str(file))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await set_maintenance_mode(False)
        yield
        await set_maintenance_mode(True)

    for _ in range(2):
        app = FastAPI(lifespan=lifespan)
        app.get("/books")(lambda: "a book")
        backend = None if configured else LocalFileBackend(str(file))
        app.add_middleware(MaintenanceModeMiddleware, backend=backend)
        with TestClient(app) as client:
            assert client.get("/books").status_code == 200
            assert file.read_text().strip() == "0"
        assert file.read_text().strip() == "1"


async def is_closed() -> bool:
    return await get_maintenance_mode()


async def must_be_open() -> None:
    if await get_maintenance_mode():
        raise HTTPException(503, "closed")


def test_a_dependency_knows_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "maintenance.txt"
    configure_backend("file", file_path=str(file))
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware)

    @app.get("/status")
    @force_maintenance_mode_off
    async def status(closed: Annotated[bool, Depends(is_closed)]) -> dict[str, bool]:
        return {"closed": closed}

    @app.post("/orders", dependencies=[Depends(must_be_open)])
    @force_maintenance_mode_off
    async def order() -> str:
        return "ordered"

    client = TestClient(app)
    assert client.get("/status").json() == {"closed": False}
    assert client.post("/orders").status_code == 200
    file.write_text("1")
    wait_for(lambda: client.get("/status").json() == {"closed": True}, 10, "a closed shop")
    refused = client.post("/orders")
    assert (refused.status_code, refused.json()) == (503, {"detail": "closed"})


@pytest.mark.parametrize("by", ["environment", "argument", "block", "nothing"])
@pytest.mark.anyio
async def test_a_status_endpoint_that_stays_open(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    app = FastAPI()
    enabled = True if by == "argument" else None
    app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=enabled)

    @app.get("/status")
    @force_maintenance_mode_off
    async def status() -> str:
        return "closed" if await get_maintenance_mode() else "open"

    if by == "environment":
        monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "true")
    expected = "open" if by == "nothing" else "closed"
    client = TestClient(app)
    if by == "block":
        async with maintenance_mode_on():
            assert client.get("/status").json() == expected
        assert client.get("/status").json() == "open"
    else:
        assert client.get("/status").json() == expected


@pytest.mark.parametrize("cors_first", [True, False])
def test_a_browser_of_another_origin_may_read_the_refusal(cors_first: bool) -> None:
    app = FastAPI()
    app.get("/books")(lambda: "a book")
    for is_cors in (cors_first, not cors_first):
        if is_cors:
            app.add_middleware(
                CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
            )
        else:
            app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True)
    answer = TestClient(app).get("/books", headers={"Origin": "https://reader.example"})
    assert answer.status_code == 503
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_several_features_at_once(tmp_path: Path) -> None:
    configure_backend("file", file_path=str(tmp_path / "maintenance.txt"))
    app = FastAPI()

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"closed": "for half an hour"}, 503, {"Retry-After": "1800"})

    def is_monitoring(request: Request) -> bool:
        return request.headers.get("User-Agent", "").startswith("Monitoring")

    app.add_middleware(
        MaintenanceModeMiddleware, response_handler=answer, exempt_handler=is_monitoring
    )
    app.get("/books")(lambda: "a book")
    seen: list[tuple[int, object, str | None, int]] = []

    @app.post("/update")
    @force_maintenance_mode_off
    async def update() -> str:
        async with maintenance_mode_on():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                refused = await client.get("/books")
                spared = await client.get("/books", headers={"User-Agent": "Monitoring/1"})
            seen.append(
                (
                    refused.status_code,
                    refused.json(),
                    refused.headers.get("Retry-After"),
                    spared.status_code,
                )
            )
        return "updated"

    client = TestClient(app)
    assert client.post("/update").json() == "updated"
    assert seen == [(503, {"closed": "for half an hour"}, "1800", 200)]
    assert client.get("/books").status_code == 200
