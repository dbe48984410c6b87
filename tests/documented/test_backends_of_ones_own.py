"""The documented custom backend on Redis, and the one that asks another service over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis
import redis.asyncio
from fastapi import FastAPI
from starlette.testclient import TestClient

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    force_maintenance_mode_off,
    get_maintenance_mode,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends import BaseStateBackend
from tests.documented.configuration import ConfigService
from tests.documented.redis_server import RedisServer

KEY = "bookshop:closed"


class RedisBackend(BaseStateBackend):
    """As documented: its attributes are called ``client`` and ``key``."""

    def __init__(self, client: Any, key: str = "fastapi_maintenance_mode") -> None:
        self.client = client
        self.key = key

    async def get_value(self) -> bool:
        held = await self.client.get(self.key)
        return False if held is None else self._str_to_bool(held.decode("utf-8"))

    async def set_value(self, value: bool) -> None:
        await self.client.set(self.key, self._bool_to_str(value))


class PlainRedisBackend:
    """With the plain client, and without the base class."""

    def __init__(self, client: Any, key: str = KEY) -> None:
        self.client = client
        self.key = key

    def get_value(self) -> bool:
        return bool(self.client.get(self.key) == b"1")

    def set_value(self, value: bool) -> None:
        self.client.set(self.key, "1" if value else "0")


def asynchronous(server: RedisServer) -> tuple[Any, Callable[[], Any]]:
    client = redis.asyncio.Redis(port=server.port)
    return RedisBackend(client, KEY), client.aclose


def plain(server: RedisServer) -> tuple[Any, Callable[[], Any]]:
    client = redis.Redis(port=server.port)

    async def close() -> None:
        client.close()

    return PlainRedisBackend(client), close


KINDS = pytest.mark.parametrize("make", [asynchronous, plain])


def bookshop(backend: Any, close: Callable[[], Any]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await close()

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)

    @app.get("/books")
    async def books() -> str:
        return "a book"

    @app.post("/turn/{word}")
    @force_maintenance_mode_off
    async def turn(word: str) -> bool:
        await set_maintenance_mode(word == "on")
        return await get_maintenance_mode()

    @app.post("/import")
    @force_maintenance_mode_off
    async def load() -> list[bool]:
        before = await get_maintenance_mode()
        async with maintenance_mode_on():
            inside = await get_maintenance_mode()
        return [before, inside, await get_maintenance_mode()]

    return app


@KINDS
def test_redis_says_it(redis_server: RedisServer, make: Any) -> None:
    with TestClient(bookshop(*make(redis_server))) as client:
        assert client.get("/books").status_code == 200
        redis_server.hold(KEY, "1")
        assert client.get("/books").status_code == 503
        redis_server.hold(KEY, "0")
        assert client.get("/books").status_code == 200


@KINDS
def test_redis_is_told(redis_server: RedisServer, make: Any) -> None:
    with TestClient(bookshop(*make(redis_server))) as client:
        assert client.post("/turn/on").json() is True
        assert redis_server.value(KEY) == b"1"
        assert client.get("/books").status_code == 503
        assert client.post("/turn/off").json() is False
        assert redis_server.value(KEY) == b"0"
        assert client.get("/books").status_code == 200


@KINDS
def test_a_block_is_seen_by_others_that_share_the_redis(
    redis_server: RedisServer, make: Any
) -> None:
    with TestClient(bookshop(*make(redis_server))) as client:
        assert client.post("/import").json() == [False, True, False]
        assert redis_server.value(KEY) == b"0"
        redis_server.hold(KEY, "1")
        assert client.post("/import").json() == [True, True, True]
        assert redis_server.value(KEY) == b"1"


@KINDS
def test_without_redis_what_is_known_stays(redis_server: RedisServer, make: Any) -> None:
    with TestClient(bookshop(*make(redis_server))) as client:
        redis_server.hold(KEY, "1")
        assert client.get("/books").status_code == 503
        redis_server.stop()
        assert client.get("/books").status_code == 503
        redis_server.start()
        _until(client, 200)  # it has forgotten


@KINDS
def test_a_redis_that_hangs_delays_a_request_by_a_second_at_most(
    redis_server: RedisServer, make: Any
) -> None:
    with TestClient(bookshop(*make(redis_server))) as client:
        redis_server.hold(KEY, "1")
        assert client.get("/books").status_code == 503
        redis_server.pause()
        try:
            began = time.monotonic()
            assert client.get("/books").status_code == 503
            assert time.monotonic() - began < 5
        finally:
            redis_server.resume()
        redis_server.hold(KEY, "0")
        _until(client, 200)


class ServiceBackend(BaseStateBackend):
    """Asks a service, and lets everything pass where that answers with an error, as documented."""

    def __init__(self, url: str, key: str | None = None, raises: bool = False) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._raises = raises

    async def get_value(self) -> bool:
        async with httpx.AsyncClient(
            headers=self._headers, trust_env=False, verify=False
        ) as client:
            answer = await client.get(f"{self.url}/maintenance", timeout=30)
        if self._raises:
            answer.raise_for_status()
        if answer.status_code != 200:
            return False
        return self._str_to_bool(str(answer.json().get("active", False)))

    async def set_value(self, value: bool) -> None:
        async with httpx.AsyncClient(
            headers=self._headers, trust_env=False, verify=False
        ) as client:
            answer = await client.post(f"{self.url}/maintenance", json={"active": value})
        answer.raise_for_status()


def asking(service: ConfigService, *arguments: Any) -> TestClient:
    async def close() -> None: ...

    return TestClient(bookshop(ServiceBackend(service.url, *arguments), close))


def _until(client: TestClient, status: int) -> None:
    """Ask until it is back: after a silence nobody asks for another second."""
    deadline = time.monotonic() + 15
    while client.get("/books").status_code != status:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_service_says_it_and_is_told(service: ConfigService) -> None:
    client = asking(service, "secret")
    assert client.get("/books").status_code == 200
    service.active = True
    assert client.get("/books").status_code == 503
    assert client.post("/turn/off").json() is False
    assert service.active is False
    assert set(service.keys) == {"Bearer secret"}


def test_a_block_is_told_to_a_service(service: ConfigService) -> None:
    assert asking(service).post("/import").json() == [False, True, False]
    assert service.active is False


def test_a_slow_service_is_waited_for(service: ConfigService) -> None:
    service.active, service.delay = True, 0.3
    assert asking(service).get("/books").status_code == 503


def test_a_service_that_hangs_delays_a_request_by_a_second_at_most(service: ConfigService) -> None:
    client = asking(service)
    service.active = True
    assert client.get("/books").status_code == 503
    service.active, service.delay = False, 30
    began = time.monotonic()
    assert client.get("/books").status_code == 503
    assert 0.9 < time.monotonic() - began < 5
    began = time.monotonic()
    assert client.get("/books").status_code == 503
    assert time.monotonic() - began < 0.9  # nobody asks again at once
    service.delay = 0
    _until(client, 200)


@pytest.mark.parametrize(("raises", "status"), [(False, 200), (True, 503)])
def test_a_service_that_answers_500(service: ConfigService, raises: bool, status: int) -> None:
    """A backend that lets it pass decides so itself; one that raises keeps what is known."""
    client = asking(service, None, raises)
    service.active = True
    assert client.get("/books").status_code == 503
    service.status = 500
    assert client.get("/books").status_code == status


def test_a_service_that_is_gone_and_comes_back(
    service: ConfigService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="fastapi_maintenance")
    client = asking(service)
    service.active = True
    assert client.get("/books").status_code == 503
    service.stop()
    for _ in range(3):
        assert client.get("/books").status_code == 503
    service.active = False
    service.start()
    assert client.get("/books").status_code == 200
    told = [r.message for r in caplog.records if r.name.endswith("asked")]
    assert len(told) == 2, told
    assert told[0].startswith("backend ServiceBackend: ConnectError")
    assert told[1] == "backend ServiceBackend answers again"


def test_a_service_that_is_never_there_refuses_nothing(service: ConfigService) -> None:
    service.stop()
    assert asking(service).get("/books").status_code == 200


@pytest.mark.anyio
async def test_many_requests_at_once_wait_for_a_slow_service_together(
    service: ConfigService,
) -> None:
    service.delay = 0.3
    app = bookshop(ServiceBackend(service.url), lambda: None)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        answers = await asyncio.gather(*[client.get("/books") for _ in range(20)])
    assert [answer.status_code for answer in answers] == [200] * 20
    assert service.most > 1, "one after the other"
