"""Only a leader writes, and what the API server answers is a sign of life."""

from __future__ import annotations

import time

import pytest
from kubernetes_asyncio import client

from fastapi_maintenance_operator.access import FencedClient, NotLeading
from fastapi_maintenance_operator.api import FAILURES

pytestmark = pytest.mark.anyio


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of the requests that get past the fence."""
    methods: list[str] = []

    async def request(self: object, method: str, url: str) -> str:
        methods.append(method)
        if url == "/refused":
            raise client.ApiException(status=403)
        return "answer"

    monkeypatch.setattr(client.ApiClient, "request", request)
    return methods


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_without_the_lease_nothing_is_written(sent: list[str], method: str) -> None:
    async with FencedClient(client.Configuration(), lambda: False) as fenced:
        with pytest.raises(NotLeading):
            await fenced.request(method, "/")
        assert await fenced.request("GET", "/") == "answer"
    assert sent == ["GET"]


async def test_the_lease_is_looked_at_for_each_write(sent: list[str]) -> None:
    may = [False, True]
    async with FencedClient(client.Configuration(), may.pop) as fenced:
        await fenced.request("PATCH", "/")
        with pytest.raises(NotLeading):
            await fenced.request("PATCH", "/")
    assert sent == ["PATCH"]


async def test_a_write_that_was_fenced_off_is_a_failure_like_others() -> None:
    """So the controller tries it again later, if this process leads then."""
    assert issubclass(NotLeading, FAILURES)


@pytest.mark.parametrize("path", ["/", "/refused"])
async def test_an_answer_is_a_sign_of_life_even_a_refusal(sent: list[str], path: str) -> None:
    async with FencedClient(client.Configuration(), lambda: True) as fenced:
        fenced.last_answer = 0.0
        try:
            await fenced.request("GET", path)
        except client.ApiException:
            assert path == "/refused"
        assert time.monotonic() - fenced.last_answer < 60
