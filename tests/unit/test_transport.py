"""Requests to the API server: what is sent, and what may come back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import trustme

from fastapi_maintenance.backends.kubernetes.identity import Access
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport, Unreachable
from tests.unit.tls_server import Account, Request, Server, Wire, serving

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def asking(server: Server, pace: Pace = Pace(), account: Any = None) -> Any:  # noqa: B008
    transport = Transport(account or Account(server), pace)
    try:
        yield transport
    finally:
        await transport.close()


async def ask(transport: Transport, verb: str) -> None:
    if verb == "get":
        await transport.get("/w", {})
    else:
        await watched(transport)


async def watched(transport: Transport) -> list[list[dict[str, Any]]]:
    """The batches of a watch, to its end."""
    return [batch async for batch in transport.watch("/w", {}, lambda: None)]


def streaming(*chunks: bytes) -> Callable[[Request, Wire], Awaitable[None]]:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.open()
        for chunk in chunks:
            await wire.chunk(chunk)
        await wire.end()

    return handler


async def streamed(*chunks: bytes) -> list[dict[str, Any]]:
    async with serving(streaming(*chunks)) as server, asking(server) as transport:
        return [event for batch in await watched(transport) for event in batch]


async def test_a_request_carries_token_and_parameters_and_asks_for_plain_json() -> None:
    """Compressed watches break off at the first flush."""

    async def handler(_: Request, wire: Wire) -> None:
        await wire.answer(200, {"items": []})

    async with serving(handler) as server, asking(server) as transport:
        assert await transport.get("/apis/x", {"resourceVersion": "0"}) == {"items": []}
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/apis/x")
    assert request.params == {"resourceVersion": "0"}
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["host"] == server.url.removeprefix("https://")


async def test_a_request_may_have_a_body() -> None:
    async def handler(request: Request, wire: Wire) -> None:
        await wire.answer(201, {"said": request.body.decode()})

    async with serving(handler) as server, asking(server) as transport:
        body = {"spec": "ü"}
        answer = await transport.request(
            "PATCH", "/x", {}, json.dumps(body).encode(), "application/merge-patch+json"
        )
    assert json.loads(answer["said"]) == body
    assert server.requests[0].headers["content-type"] == "application/merge-patch+json"


async def test_a_server_may_have_a_path_in_its_url() -> None:
    """As behind a gateway for many clusters."""

    async def handler(request: Request, wire: Wire) -> None:
        await wire.answer(200, {"path": request.path})

    async with serving(handler) as server:
        account = Account(server)
        account.access_now = replace(account.access_now, server=f"{server.url}/k8s/clusters/c1/")
        async with asking(server, account=account) as transport:
            assert await transport.get("/api/v1", {}) == {"path": "/k8s/clusters/c1/api/v1"}


async def test_a_watch_gives_one_event_a_line_however_the_bytes_come() -> None:
    lines = b'{"n":1}\n\n{"n":2}\n{"n":"\xc3\xbc"}\n'
    pieces = [lines[i : i + 1] for i in range(len(lines))]
    assert await streamed(lines) == await streamed(*pieces) == [{"n": 1}, {"n": 2}, {"n": "ü"}]


async def test_events_that_come_together_are_given_together() -> None:
    async with (
        serving(streaming(b'{"n":1}\n{"n":2}\n')) as server,
        asking(server) as transport,
    ):
        assert await watched(transport) == [[{"n": 1}, {"n": 2}]]


async def test_a_last_line_that_was_cut_off_is_dropped() -> None:
    assert await streamed(b'{"n":1}\n{"n":', b"2}") == [{"n": 1}]


async def test_a_line_may_be_far_longer_than_what_is_read_at_once() -> None:
    """An object may have a megabyte; some readers of streams stop at 64 or 128 KiB."""
    line = json.dumps({"n": "x" * 1_000_000}).encode() + b"\n"
    pieces = [line[i : i + 65536] for i in range(0, len(line), 65536)]
    (event,) = await streamed(*pieces)
    assert len(event["n"]) == 1_000_000


async def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    with pytest.raises(ApiError, match="longer than any Kubernetes object"):
        await streamed(*[b"x" * 1024 * 1024] * 9)


@pytest.mark.parametrize("line", [b"<html>\n", b"[1]\n", b"\xff\n"])
async def test_a_watch_of_something_else_than_json_objects_is_an_api_error(line: bytes) -> None:
    with pytest.raises(ApiError, match="not"):
        await streamed(line)


@pytest.mark.parametrize(
    ("status", "body", "headers", "message", "retry_after"),
    [
        (403, {"message": "no right"}, {}, "403: no right", None),
        (429, {}, {"Retry-After": "7"}, "429: {}", 7.0),
        (429, {}, {"Retry-After": "²"}, "429: {}", None),
        (503, b"<h1>proxy</h1>\r\n<p>\tdown", {}, "503: <h1>proxy</h1> <p> down", None),
        (500, {"message": "one\nERROR two"}, {}, "500: one ERROR two", None),
        (502, b"", {"Retry-After": "Fri, 1 Jan"}, "502: Words", None),
        (500, b'["x"]', {}, '500: ["x"]', None),
        (502, b"<p>" + b"x" * 5000, {}, "502: <p>" + "x" * 197, None),
        (302, b"", {"Location": "/login"}, "302: Words", None),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_an_answer_without_success_is_told_in_the_servers_own_words(
    verb: str,
    status: int,
    body: Any,
    headers: dict[str, str],
    message: str,
    retry_after: float | None,
) -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.answer(status, body, **headers)

    async with serving(handler) as server, asking(server) as transport:
        with pytest.raises(ApiError) as caught:
            await ask(transport, verb)
    assert str(caught.value) == message
    assert caught.value.retry_after == retry_after


@pytest.mark.parametrize("verb", ["get", "watch"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Len", "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", "before the end of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "character in chunk size"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "Expected HTTP/"),
    ],
)
async def test_what_is_no_whole_http_answer_is_unreachable(
    verb: str, content: bytes, message: str
) -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.raw(content)
        wire.close()

    async with serving(handler) as server, asking(server) as transport:
        with pytest.raises(Unreachable, match=message):
            await ask(transport, verb)


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_server_that_is_not_there_is_unreachable(verb: str) -> None:
    async with serving(streaming()) as server:
        pass
    async with asking(server) as transport:
        with pytest.raises(Unreachable, match=r"[Cc]onnect"):
            await ask(transport, verb)


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(verb: str) -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.silence()

    async with serving(handler) as server, asking(server, Pace(answer=0.2)) as transport:
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            await ask(transport, verb)


@pytest.mark.parametrize(("verb", "status"), [("get", 200), ("get", 503), ("watch", 503)])
async def test_an_answer_that_drips_is_not_waited_for_for_ever(verb: str, status: int) -> None:
    """Each byte comes in time, the whole does not."""

    async def handler(_: Request, wire: Wire) -> None:
        await wire.open(status)
        while True:
            await wire.chunk(b" ")
            await asyncio.sleep(0.02)

    hasty = Pace(answer=0.2)
    async with serving(handler) as server, asking(server, hasty) as transport, asyncio.timeout(20):
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            await ask(transport, verb)


async def test_a_watch_that_says_nothing_is_unreachable_after_its_events() -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.open()
        await wire.events({"n": 1})
        await wire.silence()

    async with serving(handler) as server, asking(server, Pace(idle=(0.2, 0.2))) as transport:
        events = transport.watch("/w", {}, lambda: None)
        assert await anext(events) == [{"n": 1}]
        with pytest.raises(Unreachable, match=r"nothing came for 0\.2 s"):
            await anext(events)


async def test_a_watch_may_say_nothing_for_longer_until_it_has_said_something() -> None:
    """A server that was started anew has no bookmark to send for a while."""

    async def handler(_: Request, wire: Wire) -> None:
        await wire.open()
        await wire.silence()

    pace = Pace(idle=(0.2, 0.2), first_word=0.6)
    async with serving(handler) as server, asking(server, pace) as transport:
        with pytest.raises(Unreachable, match=r"nothing came for 0\.6 s"):
            await watched(transport)


async def test_a_watch_that_is_told_of_something_in_time_goes_on() -> None:
    """Longer in all than it may say nothing."""

    async def handler(_: Request, wire: Wire) -> None:
        await wire.open()
        for number in range(5):
            await wire.events({"n": number})
            await asyncio.sleep(0.5)
        await wire.end()

    async with serving(handler) as server, asking(server, Pace(idle=(2.0, 2.0))) as transport:
        assert len(await watched(transport)) == 5


async def test_a_watch_that_breaks_off_is_unreachable_after_its_events() -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.open()
        await wire.events({"n": 1})
        wire.cut()

    async with serving(handler) as server, asking(server) as transport:
        events = transport.watch("/w", {}, lambda: None)
        assert await anext(events) == [{"n": 1}]
        with pytest.raises(Unreachable):
            await anext(events)


@pytest.mark.parametrize("error", [FileNotFoundError("token"), ValueError("kubeconfig")])
async def test_credentials_that_cannot_be_read_are_tried_again(error: Exception) -> None:
    """While the kubelet replaces them, or somebody edits a kubeconfig."""

    class Broken:
        async def access(self) -> Access:
            raise error

    with pytest.raises(Unreachable, match="credentials can't be read"):
        await Transport(Broken()).get("/w", {})  # type: ignore[arg-type]


async def test_a_plugin_that_hangs_is_not_waited_for_for_ever() -> None:
    class Hanging:
        async def access(self) -> Access:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(Unreachable, match="credentials can't be read"):
        await Transport(Hanging(), Pace(credentials=0.2)).get("/w", {})  # type: ignore[arg-type]


async def test_a_list_that_is_no_json_object_is_an_api_error() -> None:
    for content in (b"", b"<html>", b"[]"):

        async def handler(_: Request, wire: Wire, content: bytes = content) -> None:
            await wire.answer(200, content)

        async with serving(handler) as server, asking(server) as transport:
            with pytest.raises(ApiError, match="the answer is not"):
                await transport.get("/w", {})


@pytest.mark.parametrize(("status", "calls"), [(200, 1), (403, 0)])
async def test_a_watch_is_open_once_the_server_has_accepted_it(status: int, calls: int) -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.open(status)
        await wire.end()

    opened: list[bool] = []
    async with serving(handler) as server, asking(server) as transport:
        with contextlib.suppress(ApiError):
            async for _ in transport.watch("/w", {}, lambda: opened.append(True)):
                pass
    assert len(opened) == calls


# Credentials


def only(token: str) -> Callable[[Request, Wire], Awaitable[None]]:
    """Lists, and ends watches at once, for the bearer of one token."""

    async def handler(request: Request, wire: Wire) -> None:
        if request.headers["authorization"] == f"Bearer {token}":
            await wire.answer(200, {})
        else:
            await wire.answer(401, {"message": "Unauthorized"})

    return handler


class Plugin(Account):
    """Credentials that are kept until they are refused, as those of a kubeconfig."""

    def __init__(self, server: Server, *tokens: str) -> None:
        super().__init__(server)
        self.left = list(tokens)
        self.runs = 0
        self.kept: Access | None = None

    async def access(self) -> Access:
        if self.kept is None:
            self.runs += 1
            await asyncio.sleep(0.01)  # a plugin is a process: others ask meanwhile
            token = self.left.pop(0) if len(self.left) > 1 else self.left[0]
            self.kept = replace(self.access_now, authorization=f"Bearer {token}")
        return self.kept

    def renew(self, refused: Access) -> None:
        if self.kept is refused:
            self.kept = None


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_token_that_is_not_accepted_is_renewed_and_the_request_sent_again(
    verb: str,
) -> None:
    async with (
        serving(only("second")) as server,
        asking(server, account=Plugin(server, "first", "second")) as transport,
    ):
        await ask(transport, verb)
    assert [r.headers["authorization"] for r in server.requests] == [
        "Bearer first",
        "Bearer second",
    ]


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_token_that_is_the_only_one_is_not_sent_again_at_once(verb: str) -> None:
    """The API server has to be asked no more than the backoff allows."""
    async with serving(only("other")) as server:
        account = Account(server)
        async with asking(server, account=account) as transport:
            with pytest.raises(ApiError, match="401: Unauthorized"):
                await ask(transport, verb)
    assert len(server.requests) == len(account.refused) == 1


async def test_a_token_that_was_replaced_while_its_request_was_refused_is_no_failure() -> None:
    """The kubelet may replace the file between its reading and the server's answer."""

    async def handler(request: Request, wire: Wire) -> None:
        account.access_now = replace(account.access_now, authorization="Bearer second")
        await only("second")(request, wire)

    async with serving(handler) as server:
        account = Account(server, "first")
        async with asking(server, account=account) as transport:
            assert await transport.get("/w", {}) == {}
    assert len(server.requests) == 2


async def test_credentials_that_several_requests_need_are_asked_for_once() -> None:
    """A plugin may open a browser, or ask a server that counts."""
    async with serving(only("second")) as server:
        plugin = Plugin(server, "first", "second", "third")
        async with asking(server, account=plugin) as transport:
            await asyncio.gather(*[transport.get("/w", {}) for _ in range(8)])
    assert plugin.runs == 2


# Connections


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would capture what stays inside the cluster."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    async with serving(only("secret")) as server, asking(server) as transport:
        assert await transport.get("/w", {}) == {}


async def test_a_list_and_its_watch_share_a_connection() -> None:
    """A TLS handshake costs a server more than a list does."""
    async with serving(only("secret")) as server, asking(server) as transport:
        await transport.get("/w", {})
        with contextlib.suppress(ApiError):
            await watched(transport)
    assert server.connections == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    async def handler(_: Request, wire: Wire) -> None:
        await wire.answer(200, {})
        wire.cut()

    async with serving(handler) as server, asking(server) as transport:
        for _ in range(3):
            await transport.get("/w", {})
            await asyncio.sleep(0.05)
    assert server.connections == 3


async def test_a_connection_on_which_something_came_unasked_is_not_used_again() -> None:
    """A balancer's 408, say: the next request would take it for its own answer."""
    answered = asyncio.Event()

    async def handler(request: Request, wire: Wire) -> None:
        await wire.answer(200, {"path": request.path})
        if request.path == "/a":
            await answered.wait()
            await wire.answer(200, {"path": "stale"})

    async with serving(handler) as server, asking(server) as transport, asyncio.timeout(20):
        assert await transport.get("/a", {}) == {"path": "/a"}
        (kept,) = transport._kept
        assert kept.reusable
        answered.set()
        while kept.reusable:
            await asyncio.sleep(0.01)
        assert await transport.get("/b", {}) == {"path": "/b"}
    assert server.connections == 2


async def test_when_the_ca_is_replaced_requests_trust_the_new_one_and_a_watch_goes_on() -> None:
    async def handler(request: Request, wire: Wire) -> None:
        if not request.watches:
            return await wire.answer(200, {})
        await wire.open()
        for number in range(2):
            await wire.events({"n": number})
            await told.wait()
        return await wire.silence()

    told = asyncio.Event()
    async with serving(handler) as server:
        account = Account(server)
        async with asking(server, account=account) as transport:
            await transport.get("/w", {})
            events = transport.watch("/w", {}, lambda: None)
            assert await anext(events) == [{"n": 0}]
            await transport.get("/w", {})  # whose connection is kept, and must not be used again
            other = ssl.create_default_context(cadata=trustme.CA().cert_pem.bytes().decode())
            account.access_now = replace(account.access_now, ssl_context=other)
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await transport.get("/w", {})
            told.set()
            assert await anext(events) == [{"n": 1}]
            await events.aclose()


async def test_closing_leaves_no_connection_behind() -> None:
    """Neither one that is kept, nor one in the midst of a watch that is cancelled."""

    async def handler(request: Request, wire: Wire) -> None:
        if not request.watches:
            return await wire.answer(200, {})
        await wire.open()
        return await wire.silence()

    async with serving(handler) as server:
        before = set(asyncio.all_tasks())
        async with asking(server) as transport:
            watch = asyncio.create_task(watched(transport))
            while len(server.requests) < 1:
                await asyncio.sleep(0.01)
            await transport.get("/w", {})
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        gc.collect()  # an open one would be a ResourceWarning, which is an error here
        while asyncio.all_tasks() - before:  # those of the server
            await asyncio.sleep(0.01)


async def test_a_server_that_has_a_name_is_found_while_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An executor, by which asyncio resolves names, takes no work any more."""

    def refuse(*_: Any) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", refuse)
    async with serving(streaming(b'{"kind": "List"}'), names=("localhost",)) as server:
        account = Account(server)
        account.access_now = replace(
            account.access_now, server=server.url.replace("127.0.0.1", "localhost")
        )
        async with asking(server, account=account) as transport:
            assert await transport.get("/w", {}) == {"kind": "List"}
