"""As many statuses as the operator wrote, by a client that does nothing else: the server's pace.

No object is read, and no answer: the bodies were made before, and as many requests are under way as
the operator has.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any

import aiohttp

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION
from fastapi_maintenance_operator.names import FIELD_MANAGER

_AT_ONCE = 16
_HEADERS = {"Content-Type": "application/apply-patch+yaml"}
_QUERY = f"fieldManager={FIELD_MANAGER}&force=true"

Request = tuple[str, bytes]
"""Path and body."""


async def write_statuses(
    server: str, tls: ssl.SSLContext, objects: Iterable[dict[str, Any]]
) -> float:
    """Write each status once more, with a message of another length; gives the seconds."""
    requests = [_request(item) for item in objects]
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(server, connector=connector) as session:
        began, pending = time.perf_counter(), iter(requests)
        await asyncio.gather(*(_work(session, pending) for _ in range(_AT_ONCE)))
        return time.perf_counter() - began


async def _work(session: aiohttp.ClientSession, pending: Iterator[Request]) -> None:
    for path, body in pending:
        async with session.patch(path, data=body, headers=_HEADERS) as answer:
            await answer.read()
            answer.raise_for_status()


def _request(item: dict[str, Any]) -> Request:
    metadata, status = item["metadata"], item["status"]
    conditions = [{**c, "message": c["message"] + " "} for c in status["conditions"]]
    body = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": metadata["name"]},
        "status": {**status, "conditions": conditions},
    }
    place = f"namespaces/{metadata['namespace']}/{PLURAL}/{metadata['name']}"
    path = f"/apis/{GROUP}/{VERSION}/{place}/status?{_QUERY}"
    return path, json.dumps(body).encode()
