"""Hooks are told when maintenance begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from starlette.types import Message

from fastapi_maintenance import _watch
from fastapi_maintenance.windows import OFF
from tests.unit.gated import ON
from tests.unit.making import Held
from tests.unit.streaming import shop

pytestmark = pytest.mark.anyio


class TestHooks:
    """They are told when maintenance begins and ends, without any request."""

    async def living(self, app: Any, until: Callable[[], object]) -> None:
        """Run a lifespan until a condition holds."""
        messages: asyncio.Queue[Message] = asyncio.Queue()
        started = asyncio.Event()

        async def send(message: Message) -> None:
            started.set()

        messages.put_nowait({"type": "lifespan.startup"})
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        task = asyncio.create_task(app(scope, messages.get, send))
        await started.wait()
        with anyio.fail_after(10):
            while not until():
                await asyncio.sleep(0.01)
        messages.put_nowait({"type": "lifespan.shutdown"})
        await task

    async def test_plain_and_async_ones_are_called_once_each(self) -> None:
        told: list[str] = []

        async def pause() -> None:
            told.append("paused")

        held = Held(ON)
        app = shop(backend=held, on_start=[pause, lambda: told.append("on")],
                   on_end=lambda: told.append("off"))  # fmt: skip

        def flips() -> bool:
            if told == ["paused", "on"]:
                held.held = OFF
            return "off" in told

        await self.living(app, flips)
        assert told == ["paused", "on", "off"]

    async def test_one_that_fails_keeps_no_other_from_being_called(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        told: list[str] = []

        def fails() -> None:
            raise RuntimeError("no broker")

        app = shop(backend=Held(ON), on_start=[fails, lambda: told.append("on")])
        await self.living(app, lambda: told)
        assert "no broker" in caplog.text

    async def test_they_are_called_one_after_the_other(self) -> None:
        """The end is told when those have ended who were told of the beginning."""
        told: list[str] = []
        held = Held(ON)

        async def pause() -> None:
            told.append("pausing")
            held.held = OFF
            await asyncio.sleep(0.5)
            told.append("paused")

        app = shop(backend=held, on_start=pause, on_end=lambda: told.append("off"))
        await self.living(app, lambda: "off" in told)
        assert told == ["pausing", "paused", "off"]

    async def test_one_that_waits_for_the_end_does_not_wait_for_ever(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As those may who pause their work while maintenance lasts."""
        monkeypatch.setattr(_watch, "_PATIENCE", 0.3)
        told: list[str] = []
        held, over = Held(ON), asyncio.Event()

        async def pause() -> None:
            held.held = OFF
            await over.wait()
            told.append("resumed")

        app = shop(backend=held, on_start=pause, on_end=over.set)
        await self.living(app, lambda: told)
        assert "start a task for what takes long" in caplog.text

    async def test_without_a_change_nobody_is_told(self) -> None:
        told: list[str] = []
        app = shop(backend=Held(OFF), on_start=lambda: told.append("on"),
                   on_end=lambda: told.append("off"))  # fmt: skip
        looks = iter(range(20))
        await self.living(app, lambda: next(looks, None) is None)
        assert told == []
