"""What the page costs at most, whatever is asked for and however often."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fastapi_maintenance_operator.page import texts
from fastapi_maintenance_operator.page.texts import Texts

pytestmark = pytest.mark.anyio


class Maker:
    """Makes texts once it may, and counts them."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.made: list[tuple[float, float]] = []
        """When each was begun and done."""

    def __call__(self) -> str:
        began = time.monotonic()
        self.may.wait()
        self.made.append((began, time.monotonic()))
        return f"text {len(self.made)}"


@pytest.fixture
def maker() -> Maker:
    return Maker()


@asynccontextmanager
async def keeping(maker: Maker) -> AsyncIterator[Texts]:
    """Its threads end with the block, also with one that fails."""
    async with Texts() as kept:
        try:
            yield kept
        finally:
            maker.may.set()


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fresh."""
    monkeypatch.setattr(texts, "_FRESH", -1.0)
    monkeypatch.setattr(texts, "_SHARE", -1)


async def asked(kept: Texts, maker: Maker, *names: str) -> list[asyncio.Task[str | None]]:
    """Readers that wait."""
    tasks = [asyncio.create_task(kept.get((name,), maker)) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_readers_of_the_same_wait_for_one_text(maker: Maker) -> None:
    async with keeping(maker) as kept:
        tasks = await asked(kept, maker, *["same"] * 100)
        maker.may.set()
        assert set(await asyncio.gather(*tasks)) == {"text 1"}
        assert await kept.get(("same",), maker) == "text 1"


async def test_few_different_texts_are_waited_for_at_once(maker: Maker) -> None:
    """Who asks for one more is answered at once, without it."""
    async with keeping(maker) as kept:
        names = [str(number) for number in range(texts._MOST_MADE)]
        tasks = await asked(kept, maker, *names)
        assert await kept.get(("more",), maker) is None
        maker.may.set()
        assert None not in await asyncio.gather(*tasks)
        assert len(maker.made) == texts._MOST_MADE


async def test_few_readers_wait_at_once(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_MOST_READERS", 3)
    async with keeping(maker) as kept:
        tasks = await asked(kept, maker, *["same"] * 3)
        assert await kept.get(("same",), maker) is None
        maker.may.set()
        assert set(await asyncio.gather(*tasks)) == {"text 1"}


@pytest.mark.usefixtures("stale")
async def test_the_last_text_will_do_where_another_takes_too_long(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not for ever."""
    async with keeping(maker) as kept:
        maker.may.set()
        assert await kept.get(("a",), maker) == "text 1"
        maker.may.clear()
        monkeypatch.setattr(texts, "_PATIENCE", 0.01)
        assert await kept.get(("a",), maker) == "text 1"
        monkeypatch.setattr(texts, "_OLDEST", 0.0)
        assert await kept.get(("a",), maker) is None
        maker.may.set()


async def test_of_the_time_a_fifth_at_most_goes_into_texts(maker: Maker) -> None:
    async with keeping(maker) as kept:
        tasks = await asked(kept, maker, "a", "b")
        await asyncio.sleep(0.05)
        maker.may.set()
        await asyncio.gather(*tasks)
    (began, done), (following, _) = maker.made
    assert following - done >= 3.9 * (done - began)


async def test_what_is_kept_has_an_end(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was made before all others goes."""
    monkeypatch.setattr(texts, "_FRESH", 600.0)
    maker.may.set()
    async with keeping(maker) as kept:
        for number in range(texts._MOST_KEPT + 1):
            await kept.get((str(number),), maker)
        assert len(kept._kept) == texts._MOST_KEPT
        assert ("0",) not in kept._kept


async def test_a_failure_is_one_of_all_who_wait_and_hinders_nobody_after(maker: Maker) -> None:
    def fail() -> str:
        raise LookupError("no text")

    async with keeping(maker) as kept:
        for _ in range(2):
            with pytest.raises(LookupError, match="no text"):
                await kept.get(("a",), fail)
        maker.may.set()
        assert await kept.get(("a",), maker) == "text 1"


async def test_nothing_is_being_made_after_the_end(maker: Maker) -> None:
    async with keeping(maker) as kept:
        await asked(kept, maker, *"abc")
        making = list(kept._making.values())
    assert all(task.cancelled() for task in making)
