"""A browser for all tests, a tab for each, and the page of a shop that tests may change."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest

from fastapi_maintenance_operator.page import serve, texts
from tests.browser.chromium import Chromium, Tab
from tests.controlplane.binaries import UnavailableError
from tests.controlplane.ports import free_port
from tests.unit.paged import NOW, a_shop


class Site:
    """The page at an address, of windows and processes that can be changed."""

    def __init__(self) -> None:
        windows, processes = a_shop()
        self.windows, self.processes, self.port = windows, processes, free_port()
        self.leads = True
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(30)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        def leader() -> Any:
            known = SimpleNamespace(windows=list(self.windows), processes=list(self.processes))
            return known if self.leads else None

        async with serve.serve_page(leader, notes=True, host="127.0.0.1", port=self.port):
            self._up.set()
            await self._end.wait()


class Still(datetime):
    """The shop's clock stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return NOW


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(serve, "datetime", Still)
    monkeypatch.setattr(texts, "_FRESH", 0.0)
    monkeypatch.setattr(texts, "_SHARE", 0)
    made = Site()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Where there is none, tests are skipped and say what brings it; on CI they fail."""
    with _or_skip():
        browser = Chromium(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.stop()


@contextmanager
def _or_skip() -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def tab(chromium: Chromium) -> Iterator[Tab]:
    with chromium.tab() as tab:
        yield tab
