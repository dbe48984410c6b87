"""Requests to an API server: one list, one watch, and what went wrong, told apart."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from .answer import Head
from .connection import Connection, Headers
from .identity import Access, Identity
from .pace import Pace

_LONGEST_LINE = 8 * 1024 * 1024
_BAD_REQUEST, _UNAUTHORIZED, _SERVER_ERROR = 400, 401, 500
_KEPT_FOR = 60.0
"""Seconds that an idle connection is kept; Kubernetes closes them after 90."""
_MOST_KEPT = 4

Object = dict[str, Any]


class ApiError(Exception):
    """Not what was asked for: a Kubernetes ``Status``, or an answer of something else."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        self.message = " ".join(message.split())  # as a proxy's page may have many lines
        super().__init__(f"{status}: {self.message}")
        self.status = status
        self.retry_after = retry_after


class Unreachable(Exception):
    """No answer, or one that broke off.

    Args:
        why: what happened.
        sent: whether the request may have arrived, and have been done.
    """

    retry_after = None

    def __init__(self, why: str, *, sent: bool = True) -> None:
        super().__init__(why)
        self.sent = sent


class NoAccess(Unreachable):
    """Nobody was asked: where the server is, and who asks, can't be read.

    Args:
        what: that can't.
        why: what happened.
    """

    def __init__(self, what: str, why: object) -> None:
        super().__init__(f"{what} can't be read: {why}", sent=False)
        self.why = str(why)


class Silence(Unreachable):
    """Nothing came on a connection that seems to be there."""


def may_be_done(error: ApiError | Unreachable) -> bool:
    """Whether a write that failed so may have been done all the same."""
    if isinstance(error, Unreachable):
        return error.sent
    # A success that can't be read may be one.
    return error.status >= _SERVER_ERROR or error.status < _BAD_REQUEST


class Transport:
    """HTTPS to the API server of an identity, with its present credentials on each request.

    Proxies are those of the identity: one from the environment would capture what stays inside the
    cluster.
    """

    def __init__(self, identity: Identity, pace: Pace = Pace()) -> None:  # noqa: B008
        self._identity = identity
        self._pace = pace
        self._kept: list[Connection] = []
        self._asking_identity = asyncio.Lock()

    async def get(self, path: str, params: Mapping[str, str]) -> Object:
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
    ) -> Object:
        """Any request that is answered with an object. Raises as `get` does."""
        headers = [("Content-Type", content_type)] if body else []
        async with _one_kind_of_failure():
            connection, head = await self._ask(method, _target(path, params), headers, body)
            async with self._in_use(connection), self._in_time():
                content = b"".join([part async for part in connection.body()])
        _check(head, content)
        return _decode(content)

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[Object], None]:
        """The events of a watch, until the server ends it. Raises as `get` does.

        Events that came together are given together. `opened` is called when the server has
        accepted the watch: the first event may be long in coming.
        """
        async with _one_kind_of_failure():
            target = _target(path, {**params, "watch": "true"})
            connection, head = await self._ask("GET", target, [])
            async with self._in_use(connection):
                idle = random.uniform(*self._pace.idle)
                if not head.is_success:
                    async with self._in_time():
                        _check(head, b"".join([part async for part in connection.body()]))
                opened()
                async for lines in _lines(connection.body(idle, self._pace.first_word)):
                    yield [_decode(line) for line in lines]

    async def close(self) -> None:
        """Close all connections."""
        kept, self._kept = self._kept, []
        for connection in kept:
            await connection.close()

    async def _ask(
        self, method: str, target: str, headers: Headers, body: bytes = b""
    ) -> tuple[Connection, Head]:
        """Send it; once more where it was refused with credentials that are no longer the own."""
        access = await self._access()
        connection, head = await self._send(access, method, target, headers, body)
        if head.status != _UNAUTHORIZED:
            return connection, head
        self._identity.renew(access)
        try:
            renewed = await self._access()
            if renewed == access:
                return connection, head
        except BaseException:
            await connection.close()
            raise
        await connection.close()
        return await self._send(renewed, method, target, headers, body)

    async def _send(
        self, access: Access, method: str, target: str, headers: Headers, body: bytes
    ) -> tuple[Connection, Head]:
        connection = await self._connect(access)
        try:
            prefix = urlsplit(access.server).path.rstrip("/")
            lines = [*_headers(access), *headers]
            async with self._in_time():
                return connection, await connection.send(method, prefix + target, lines, body)
        except BaseException:
            await connection.close()
            raise

    async def _access(self) -> Access:
        # One at a time: a plugin that asks a person to log in must not do so twice.
        try:
            async with self._asking_identity, asyncio.timeout(self._pace.credentials):
                return await self._identity.access()
        except (OSError, ValueError) as error:
            raise NoAccess("credentials", _reason(error)) from error

    async def _connect(self, access: Access) -> Connection:
        while self._kept:
            connection = self._kept.pop()
            fresh = time.monotonic() - connection.used_at < _KEPT_FOR
            if connection.reusable and fresh and _same_way(connection.access, access):
                return connection
            await connection.close()
        try:
            return await Connection.open(access, self._pace.connect)
        except TimeoutError:
            why = f"no connection within {self._pace.connect:g} s"
            raise _unconnected(access, why) from None
        except (OSError, ValueError) as error:  # as of a port that is none
            raise _unconnected(access, _reason(error)) from error

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._pace.answer):
                yield
        except TimeoutError:
            raise Unreachable(f"no answer within {self._pace.answer:g} s") from None

    @contextlib.asynccontextmanager
    async def _in_use(self, connection: Connection) -> AsyncIterator[None]:
        """Afterwards it is kept for the next request, or closed."""
        try:
            yield
        finally:
            if connection.reusable and len(self._kept) < _MOST_KEPT:
                self._kept.append(connection)
            else:
                await connection.close()


@contextlib.asynccontextmanager
async def _one_kind_of_failure() -> AsyncIterator[None]:
    """Whatever keeps an answer from coming is `Unreachable`."""
    try:
        yield
    except TimeoutError as error:
        raise Silence(_reason(error)) from error
    except OSError as error:
        raise Unreachable(_reason(error)) from error


def _target(path: str, params: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(params)}" if params else path


def _headers(access: Access) -> Headers:
    # Kubernetes starts a new gzip member at each flush of a watch; decoders stop at the first.
    headers = [("Accept", "application/json"), ("Accept-Encoding", "identity")]
    if access.authorization:
        headers.append(("Authorization", access.authorization))
    return [*headers, *access.headers]


def _same_way(first: Access, second: Access) -> bool:
    """Whether a connection made for one serves the other; a token is sent with each request."""
    return (first.server, first.proxy, first.tls_server_name, first.ssl_context) == (
        second.server, second.proxy, second.tls_server_name, second.ssl_context,
    )  # fmt: skip


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The lines of a stream; a last one without its newline was cut off and is dropped."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if lines := [line for line in whole if line]:
            yield lines
        if len(rest) > _LONGEST_LINE:
            raise ApiError(200, "an event is longer than any Kubernetes object may be")


def _check(head: Head, content: bytes) -> None:
    if not head.is_success:
        message = _message(content) or head.reason
        raise ApiError(head.status, message, _retry_after(head))


def _decode(content: bytes) -> Object:
    try:
        value = json.loads(content.decode())  # what it would find out of bytes is known here: UTF-8
    except ValueError as error:
        raise ApiError(200, f"the answer is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(200, "the answer is not a JSON object")
    return value


def _message(content: bytes) -> str:
    """The message of a Status; of anything else, such as a proxy's page, the first words."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content[:800].decode(errors="replace")[:200]


def _retry_after(head: Head) -> float | None:
    value = head.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None


def _unconnected(access: Access, why: str) -> Unreachable:
    """Names whom nobody could reach: which it is depends on files and variables."""
    try:
        host = urlsplit(access.server).netloc.rpartition("@")[2]
    except ValueError:  # which is what `why` says
        host = ""
    return Unreachable(f"{host}: {why}" if host else why, sent=False)


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, socket.gaierror) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
