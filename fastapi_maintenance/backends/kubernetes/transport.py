"""Requests to an API server: one list, one watch, and what went wrong, told apart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from .identity import Access, Identity

_LONGEST_LINE = 8 * 1024 * 1024
_READ_IDLE = 90.0
"""Seconds without a byte after which a watch counts as dead; bookmarks come every minute."""


class ApiError(Exception):
    """Not what was asked for: a Kubernetes ``Status``, or an answer of something else."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.retry_after = retry_after


class Unreachable(Exception):
    """No answer, or one that broke off."""


class Transport:
    """HTTPS to the API server of an identity, with its present credentials on each request."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._client: httpx.AsyncClient | None = None
        self._made_for: tuple[object, str | None] | None = None

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """One object, or one list.

        Raises:
            ApiError: the server answered, but not with success.
            Unreachable: it did not answer.
        """
        return await self.request("GET", path, params)

    async def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Any request that is answered with an object. Raises as `get` does."""
        access = await self._access()
        headers = _headers(access) | ({"Content-Type": content_type} if body else {})
        try:
            response = await self._open(access).request(
                method,
                access.server + path,
                params=dict(params),
                content=body or None,
                headers=headers,
                timeout=30.0,
            )
        except httpx.HTTPError as error:
            raise Unreachable(_reason(error)) from error
        self._check(response)
        return _decode(response.content)

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncIterator[dict[str, Any]]:
        """The events of a watch, until the server ends it. Raises as `get` does.

        `opened` is called when the server has accepted the watch: the first event may be long in
        coming.
        """
        access = await self._access()
        timeout = httpx.Timeout(10.0, read=_READ_IDLE)
        try:
            async with self._open(access).stream(
                "GET",
                access.server + path,
                params={**params, "watch": "true"},
                headers=_headers(access),
                timeout=timeout,
            ) as response:
                if not response.is_success:
                    await response.aread()
                self._check(response)
                opened()
                async for line in _lines(response):
                    yield _decode(line)
        except httpx.HTTPError as error:
            raise Unreachable(_reason(error)) from error

    async def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _access(self) -> Access:
        try:
            access = await self._identity.access()
        except (OSError, ValueError) as error:
            raise Unreachable(f"credentials can't be read: {error}") from error
        if self._made_for != (access.ssl_context, access.proxy):
            # Before anything is awaited: requests of others must find the new state of things.
            self._made_for = (access.ssl_context, access.proxy)
            await self.close()
        return access

    def _open(self, access: Access) -> httpx.AsyncClient:
        if self._client is None:
            # Proxies from the environment would capture calls inside the cluster.
            self._client = httpx.AsyncClient(
                verify=access.ssl_context, proxy=access.proxy, trust_env=False
            )
        return self._client

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._identity.renew()
        raise ApiError(response.status_code, _message(response), _retry_after(response))


def _headers(access: Access) -> dict[str, str]:
    # Kubernetes starts a new gzip member at each flush of a watch; decoders stop at the first.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    return headers


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """The lines of a stream; a last one without its newline was cut off and is dropped."""
    rest = b""
    async for chunk in response.aiter_raw():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
        if len(rest) > _LONGEST_LINE:
            raise ApiError(200, "an event is longer than any Kubernetes object may be")


def _decode(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ApiError(200, f"the answer is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(200, "the answer is not a JSON object")
    return value


def _message(response: httpx.Response) -> str:
    """The message of a Status; of anything else, such as a proxy's page, the first words."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200] or response.reason_phrase


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
