"""Credentials and addresses that no request can be made of."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Any

import pytest

from fastapi_maintenance.backends.base import StateNotWritten
from fastapi_maintenance.backends.kubernetes import K8sBackend
from fastapi_maintenance.backends.kubernetes import backend as backend_module
from fastapi_maintenance.backends.kubernetes.connection import Connection
from fastapi_maintenance.backends.kubernetes.identity import Access
from fastapi_maintenance.backends.kubernetes.transport import Transport, Unreachable
from tests.unit.tls_server import Account, Request, Wire, serving

pytestmark = pytest.mark.anyio


async def answering(_: Request, wire: Wire) -> None:
    await wire.answer(200, {})


UNFIT = [
    {"authorization": "Bearer \ufeffsecret"},  # as a file from Windows may begin
    {"authorization": "Bearer secret\r\nX-Admin: yes"},
    {"authorization": "Bearer secret\0"},
    {"headers": (("Impersonate-User", "secret\u20ac"),)},
    {"server": "127.0.0.1:6443"},
    {"server": "kubernetes:6443"},
    {"server": ""},
    {"server": "https://127.0.0.1:99999"},
    {"server": "https://127.0.0.1:port"},
    {"server": "https://[::1"},
    {"server": f"https://{'a' * 64}.example"},
    {"proxy": "http://127.0.0.1:99999"},
    {"proxy": f"http://{'a' * 64}.example"},
]


@pytest.mark.parametrize("unfit", UNFIT, ids=str)
async def test_what_no_request_can_be_made_of_is_unreachable_and_tells_no_secret(
    unfit: dict[str, Any],
) -> None:
    """As all else that keeps an answer from coming."""
    async with serving(answering) as server:
        account = Account(server)
        account.access_now = replace(account.access_now, **unfit)
        transport = Transport(account)
        with pytest.raises(Unreachable) as caught:
            await transport.get("/w", {})
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert server.requests == []


async def test_a_server_without_a_scheme_is_told_the_mend() -> None:
    """It is no name that could be looked for."""
    access = Access("10.0.0.1:6443", ssl.create_default_context())
    with pytest.raises(OSError, match=r"server: 10\.0\.0\.1:6443 is no URL: write https://10"):
        await Connection.open(access, 10)


async def test_a_token_that_cannot_be_sent_is_never_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by what follows, nor in its health, nor by what writes."""
    async with serving(answering) as server:
        account = Account(server, "secret\u20ac")
        monkeypatch.setattr(backend_module, "find_identity", lambda *_: account)
        backend = K8sBackend("orders", sync_timeout=0.1)
        try:
            backend.start()
            async with asyncio.timeout(20):
                while (health := backend.health()) is None or health.last_error is None:
                    await asyncio.sleep(0.01)
            assert "secret" not in health.last_error
            with pytest.raises(StateNotWritten):
                await backend.set_value(True)
        finally:
            backend.close()
    assert "secret" not in caplog.text
