"""Start and end of a server with the gate, and applications that are not FastAPI's."""

from __future__ import annotations

import pytest

from tests.servers.conftest import Serve
from tests.servers.serving import PATIENCE, Server, faults
from tests.waiting import wait_for


def test_a_lifespan_is_run(serve: Serve) -> None:
    server = serve()
    assert server.journal("lifespan") == ["begun"]
    server.stop()
    assert server.journal("lifespan") == ["begun", "ended"]
    assert faults(server.output()) == []


def test_hooks_are_told_once_without_a_request(serve: Serve) -> None:
    server = serve("hooked")
    for words, word in (("on", "begun"), ("off", "ended")):
        server.say(words)
        for kind in ("sync", "async"):
            server.wait_for_note(kind, word)
    assert server.journal("sync") == server.journal("async") == ["begun", "ended"]


@pytest.mark.parametrize("app", ["starlette", "function", "wrapped"])
def test_other_applications_are_refused_and_served_alike(serve: Serve, kind: str, app: str) -> None:
    """Plain Starlette, no framework at all, and a gate around the whole application."""
    if kind != "uvicorn":
        pytest.skip("one kind of server shows that any application will do")
    server = serve(app)
    assert server.client.get("/orders").status_code == 200
    server.turn_on()
    server.turn("off", on=False)


def test_all_workers_follow_the_file(serve: Serve, kind: str) -> None:
    if kind != "uvicorn":
        pytest.skip("one kind of server shows that processes share a file")
    server: Server = serve("app", "--workers", "2")
    for words, code in (("on", 503), ("off", 200)):
        server.say(words)

        def all_say_so(code: int = code) -> bool:
            codes = []
            for _ in range(20):
                with server.asking() as client:
                    codes.append(client.get("/orders").status_code)
            return codes == [code] * 20

        wait_for(all_say_so, PATIENCE, f"{code} from all workers")
