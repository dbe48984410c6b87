"""Which backend is meant where nothing names it: looked up at each call, never at import."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakSet

import pytest
from fastapi import Depends, FastAPI, Request, WebSocket
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from fastapi_maintenance import (
    BackendNotConfigured,
    EnvVarBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    _gates,
    configure_backend,
    force_maintenance_mode_off,
    get_maintenance_mode,
    maintenance_mode_on,
    maintenance_state,
    set_maintenance_mode,
)
from fastapi_maintenance.current import backend_meant, gates_of
from fastapi_maintenance.windows import OFF, Opening, State, switched
from tests.python import python
from tests.unit.making import Held

ON = switched(Opening())
VARIABLE = "FASTAPI_MAINTENANCE_MODE"


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gates, "configured", None)
    monkeypatch.setattr(_gates, "known", WeakSet())
    monkeypatch.delenv(VARIABLE, raising=False)


class Written(Held):
    """Can be turned on and off."""

    async def set_value(self, value: bool) -> None:
        self.held = ON if value else OFF


def gate(app: Any = None, **options: Any) -> MaintenanceModeMiddleware:
    return MaintenanceModeMiddleware(app or FastAPI(), **options)


def telling(app: FastAPI) -> FastAPI:
    """With a route and a WebSocket that tell what is meant, and one that turns it on."""

    @app.get("/mode")
    @force_maintenance_mode_off
    async def mode() -> bool:
        return await get_maintenance_mode()

    @app.get("/plain")
    @force_maintenance_mode_off
    def plain() -> str:
        return repr(backend_meant())

    @app.post("/on")
    @force_maintenance_mode_off
    async def turn_on() -> None:
        await set_maintenance_mode(True)

    @app.websocket("/talk")
    @force_maintenance_mode_off
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json(await get_maintenance_mode())
        await socket.close()

    return app


# Inside of an application.


@pytest.mark.parametrize("state", [ON, OFF])
def test_a_request_means_the_middleware_around_it(state: State) -> None:
    backend, another = Held(state), gate(backend=Held(OFF if state is ON else ON))
    configure_backend("env", var_name="ANOTHER")
    app = telling(FastAPI())
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    client = TestClient(app)
    assert client.get("/mode").json() is (state is ON)
    assert client.get("/plain").json() == repr(backend)
    with client.websocket_connect("/talk") as socket:
        assert socket.receive_json() is (state is ON)
    assert another.backend is not backend


def test_a_request_writes_what_the_middleware_around_it_asks() -> None:
    mine, another = Written(), Written()
    app = telling(FastAPI())
    app.add_middleware(MaintenanceModeMiddleware, backend=mine)
    assert gate(backend=another).backend is another
    TestClient(app).post("/on")
    assert (mine.held, another.held) == (ON, OFF)


def test_a_lifespan_means_the_middleware_around_it() -> None:
    mine, another = Written(ON), Held(ON)
    seen: list[bool] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        seen.append(await get_maintenance_mode())
        await set_maintenance_mode(False)
        seen.append(await get_maintenance_mode())
        yield
        await set_maintenance_mode(True)

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(MaintenanceModeMiddleware, backend=mine)
    assert gate(backend=another).backend is another
    with TestClient(app):
        assert mine.held is OFF
    assert (seen, mine.held) == ([True, False], ON)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_request_sees_what_an_argument_decides(enabled: bool) -> None:
    app = telling(FastAPI())
    held = OFF if enabled else ON
    app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=enabled, backend=Held(held))
    client = TestClient(app)
    assert client.get("/mode").json() is enabled


@pytest.mark.anyio
async def test_a_named_backend_is_asked_itself() -> None:
    """Also inside of a request of another one."""
    named = Held(ON)
    app = FastAPI()

    @app.get("/named")
    async def mode() -> bool:
        return await get_maintenance_mode(named)

    app.add_middleware(MaintenanceModeMiddleware, backend=Held(OFF))
    assert TestClient(app).get("/named").json() is True
    assert await get_maintenance_mode(named)


def test_mounted_applications_have_gates_of_their_own() -> None:
    """The innermost one is meant; each refuses for itself."""
    outer_backend, inner_backend = Held(OFF), Held(ON)
    outer, inner = telling(FastAPI()), telling(FastAPI())
    inner.add_middleware(MaintenanceModeMiddleware, backend=inner_backend)
    outer.mount("/inner", inner)
    outer.add_middleware(MaintenanceModeMiddleware, backend=outer_backend)
    outer.get("/orders")(lambda: "a book")
    inner.get("/orders")(lambda: "a book")
    client = TestClient(outer)
    assert [client.get(p).json() for p in ("/mode", "/inner/mode")] == [False, True]
    assert [client.get(p).status_code for p in ("/orders", "/inner/orders")] == [200, 503]
    with client.websocket_connect("/inner/talk") as socket:
        assert socket.receive_json() is True
    outer_backend.held, inner_backend.held = ON, OFF
    assert [client.get(p).json() for p in ("/mode", "/inner/mode")] == [True, False]
    assert [client.get(p).status_code for p in ("/orders", "/inner/orders")] == [503, 503]


def test_after_an_inner_gate_the_outer_one_is_meant_again() -> None:
    seen: list[bool] = []
    inner = telling(FastAPI())
    inner.add_middleware(MaintenanceModeMiddleware, backend=Held(ON))
    app = FastAPI()
    app.mount("/inner", inner)

    @app.middleware("http")
    async def look(request: Request, proceed: Any) -> Any:
        seen.append(await get_maintenance_mode())
        response = await proceed(request)
        seen.append(await get_maintenance_mode())
        return response

    app.add_middleware(MaintenanceModeMiddleware, backend=Held(OFF))
    assert TestClient(app).get("/inner/mode").json() is True
    assert seen == [False, False]


def test_the_state_is_told_to_dependencies() -> None:
    app = FastAPI()

    @app.get("/state")
    @force_maintenance_mode_off
    async def state(state: Annotated[Any, Depends(maintenance_state)]) -> dict[str, Any]:
        return {"active": state.active, "mode": state.mode, "message": state.message}

    backend = Held(OFF)
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    client = TestClient(app)
    assert client.get("/state").json() == {"active": False, "mode": None, "message": None}
    backend.held = ON
    told = client.get("/state").json()
    assert (told["active"], told["mode"]) == (True, "Full")
    assert told["message"] == "Service temporarily unavailable due to maintenance"


def test_without_a_gate_there_is_no_state() -> None:
    with pytest.raises(RuntimeError, match="no MaintenanceModeMiddleware is around /orders"):
        maintenance_state(HTTPConnection({"type": "http", "path": "/orders", "headers": []}))


# Outside of any.


def test_without_anything_the_environment_is_meant() -> None:
    meant = backend_meant()
    assert isinstance(meant, EnvVarBackend)
    assert meant.var_name == VARIABLE


@pytest.mark.anyio
async def test_the_environment_is_read_live(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await get_maintenance_mode()
    monkeypatch.setenv(VARIABLE, "on")
    assert await get_maintenance_mode()


def test_the_only_backend_of_middlewares_is_meant() -> None:
    backend = Held(ON)
    kept = [gate(backend=backend), gate(), gate(backend=backend)]
    assert backend_meant() is backend
    assert kept


def test_objects_for_one_state_are_one_backend(tmp_path: Path) -> None:
    file = tmp_path / "mode"
    kept = [gate(backend=LocalFileBackend(file)), gate(backend=LocalFileBackend(str(file)))]
    assert isinstance(backend_meant(), LocalFileBackend)
    assert kept


@pytest.mark.anyio
async def test_which_of_several_is_meant_must_be_said() -> None:
    kept = [gate(backend=Held()), gate(backend=Held()), gate()]
    message = (
        r"^2 backends are in use: say which is meant by backend=…, or once by configure_backend\(…"
    )
    with pytest.raises(BackendNotConfigured, match=message):
        await get_maintenance_mode()
    with pytest.raises(BackendNotConfigured):
        await set_maintenance_mode(True)
    with pytest.raises(BackendNotConfigured):
        async with maintenance_mode_on():
            pass
    with pytest.raises(BackendNotConfigured), maintenance_mode_on():
        pass
    assert await get_maintenance_mode(Held(ON))
    assert kept


def test_it_is_looked_up_when_a_block_begins_and_not_when_it_is_written() -> None:
    """A decorator is evaluated at import, before there is any middleware."""
    block = maintenance_mode_on()
    backend = Held(OFF)
    app = FastAPI()
    app.get("/orders")(lambda: "a book")
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    client = TestClient(app)
    assert client.get("/orders").status_code == 200
    with block:
        assert client.get("/orders").status_code == 503
    assert client.get("/orders").status_code == 200


def test_a_middleware_that_is_gone_is_meant_no_more() -> None:
    kept = gate(backend=Held(ON))
    gone = gate(backend=Held(OFF))
    del gone
    gc.collect()
    assert backend_meant() is kept.given


# Configured.


def test_what_was_configured_last_is_meant(tmp_path: Path) -> None:
    kept = gate(backend=Held())
    configure_backend("env", var_name="FIRST")
    assert getattr(backend_meant(), "var_name", None) == "FIRST"
    configure_backend("file", file_path=str(tmp_path / "mode"))
    assert isinstance(backend_meant(), LocalFileBackend)
    assert kept


def test_a_middleware_without_a_backend_asks_what_was_configured_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = FastAPI()
    app.get("/orders")(lambda: "a book")
    app.add_middleware(MaintenanceModeMiddleware)
    client = TestClient(app)
    monkeypatch.setenv("SHOP_CLOSED", "1")
    assert client.get("/orders").status_code == 200
    configure_backend("env", var_name="SHOP_CLOSED")
    assert client.get("/orders").status_code == 503
    configure_backend("env")
    assert client.get("/orders").status_code == 200


def test_what_was_configured_governs_no_middleware_with_a_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_CLOSED", "1")
    configure_backend("env", var_name="SHOP_CLOSED")
    app = FastAPI()
    app.get("/orders")(lambda: "a book")
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(OFF))
    assert TestClient(app).get("/orders").status_code == 200


@pytest.mark.parametrize("word", ["redis", "", "ENV", None])
def test_an_unknown_kind_is_refused_and_changes_nothing(word: Any) -> None:
    configure_backend("env", var_name="FIRST")
    with pytest.raises(ValueError, match="write env, file or kubernetes"):
        configure_backend(word)
    assert getattr(backend_meant(), "var_name", None) == "FIRST"


@pytest.mark.parametrize(("kind", "options"), [("env", {"file_path": "x"}), ("file", {})])
def test_wrong_options_are_refused_and_change_nothing(kind: str, options: Any) -> None:
    with pytest.raises(TypeError):
        configure_backend(kind, **options)
    assert _gates.configured is None


def test_which_of_several_does_not_count_middlewares_that_are_gone() -> None:
    """An application is a cycle: until the collector came, its middleware once still counted."""

    def use(backend: Any) -> None:
        app = FastAPI()
        app.add_middleware(MaintenanceModeMiddleware, backend=backend)
        assert TestClient(app).get("/orders").status_code == 404

    gc.disable()
    try:
        for _ in range(2):
            use(Held(OFF))
        app = FastAPI()
        only = Held(OFF)
        app.add_middleware(MaintenanceModeMiddleware, backend=only)
        TestClient(app).get("/orders")
        assert backend_meant() is only
    finally:
        gc.enable()


def test_middlewares_may_be_made_while_others_are_counted() -> None:
    kept: list[Any] = []
    backend = Held(OFF)

    def make() -> None:
        for _ in range(300):
            kept[len(kept) :] = [MaintenanceModeMiddleware(FastAPI(), backend=backend)]

    thread = threading.Thread(target=make)
    thread.start()
    while thread.is_alive():
        gates_of(backend)
    thread.join()
    assert len(gates_of(backend)) == 300


# A name that is imported where it is used first.

LATE = """
from fastapi import FastAPI
from starlette.testclient import TestClient
from fastapi_maintenance import MaintenanceModeMiddleware, force_maintenance_mode_off

app = FastAPI()

@app.get("/mode")
@force_maintenance_mode_off
async def mode():
    from fastapi_maintenance import get_maintenance_mode
    return await get_maintenance_mode()

app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True)
client = TestClient(app)
print(client.get("/mode").json(), client.get("/mode").json())
"""


OUTSIDE = """
import asyncio, os
from fastapi import FastAPI
from starlette.testclient import TestClient
from fastapi_maintenance import MaintenanceModeMiddleware

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=False)
TestClient(app).get("/mode")
os.environ["SHOP_CLOSED"] = "1"

from fastapi_maintenance import configure_backend, get_maintenance_mode

configure_backend("env", var_name="SHOP_CLOSED")
print(asyncio.run(get_maintenance_mode()))
"""


@pytest.mark.parametrize(("program", "said"), [(LATE, "True True"), (OUTSIDE, "True")])
def test_a_name_that_is_imported_late(program: str, said: str) -> None:
    """As those do who break an import cycle: a request knows its middleware, others do not."""
    assert " ".join(python("-c", program).split()) == said
