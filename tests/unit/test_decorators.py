"""Decorators say what holds for a route, and leave everything else about it as it was."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, WebSocket
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    force_maintenance_mode_off,
    force_maintenance_mode_on,
    needs,
)
from fastapi_maintenance._routes import Routes
from fastapi_maintenance.decorators import Needs, forced, needs_of
from fastapi_maintenance.windows import OFF, Opening, State, switched
from tests.unit.making import Held
from tests.unit.routed import call, scope_of

ON = switched(Opening())
NAME_OF = {True: "force_maintenance_mode_on", False: "force_maintenance_mode_off"}
MARKS: dict[str, Callable[[Any], Any]] = {
    "on": force_maintenance_mode_on,
    "on()": force_maintenance_mode_on(),
    "off": force_maintenance_mode_off,
    "off()": force_maintenance_mode_off(),
}


@pytest.fixture(params=MARKS)
def mark(request: pytest.FixtureRequest) -> tuple[Callable[[Any], Any], bool]:
    """A way to decorate, and what it says."""
    return MARKS[request.param], request.param.startswith("on")


def status(app: Any, request: str, state: State = OFF) -> int:
    """What one request is answered behind a gate, 0 for a WebSocket that is let in."""
    gated = MaintenanceModeMiddleware(app, backend=Held(state))
    return asyncio.run(call(gated, scope_of(request)))[0]


def expected(says: bool) -> tuple[int, int]:
    """What is answered while maintenance is off, and while it is on."""
    return (503, 503) if says else (200, 200)


def answers(app: Any, request: str = "GET /x") -> tuple[int, int]:
    return status(app, request), status(app, request, ON)


# Which functions it works on.


def plain() -> str:
    return "plain"


async def coroutine() -> str:
    return "coroutine"


def generator() -> Iterator[str]:
    yield "a"
    yield "b"


async def async_generator() -> AsyncIterator[str]:
    yield "a"
    yield "b"


def with_arguments(x: int, *more: int, y: int = 2, **rest: int) -> tuple[Any, ...]:
    return x, more, y, rest


class Shop:
    def __init__(self, name: str = "shop") -> None:
        self.name = name

    @force_maintenance_mode_on
    def closed(self) -> str:
        return self.name

    @force_maintenance_mode_off
    async def open(self) -> str:
        return self.name

    def orders(self) -> str:
        return self.name


@pytest.mark.parametrize("kind", [plain, coroutine, generator, async_generator, with_arguments])
def test_a_twin_is_of_the_same_kind_and_the_original_stays_unmarked(
    kind: Callable[..., Any], mark: tuple[Callable[[Any], Any], bool]
) -> None:
    decorate, says = mark
    twin = decorate(kind)
    assert forced(twin) is says
    assert twin.__dict__[NAME_OF[says]] is True
    assert twin.__dict__[NAME_OF[not says]] is False
    assert forced(kind) is None
    assert vars(kind) == {}
    for asks in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert asks(twin) is asks(kind)
    assert (twin.__name__, twin.__doc__, twin.__module__) == (kind.__name__, None, __name__)
    assert inspect.signature(twin, eval_str=True) == inspect.signature(kind, eval_str=True)
    assert inspect.get_annotations(twin) == inspect.get_annotations(kind)


@pytest.mark.parametrize("decorate", [*MARKS.values(), needs("db")])
def test_a_twin_does_what_the_original_does(decorate: Callable[[Any], Any]) -> None:
    async def listed() -> list[str]:
        return [item async for item in decorate(async_generator)()]

    assert decorate(plain)() == "plain"
    assert asyncio.run(decorate(coroutine)()) == "coroutine"
    assert list(decorate(generator)()) == ["a", "b"]
    assert asyncio.run(listed()) == ["a", "b"]
    assert decorate(with_arguments)(1, 2, 3, y=4, z=5) == (1, (2, 3), 4, {"z": 5})
    assert decorate(Shop("corner").orders)() == "corner"
    assert decorate(functools.partial(with_arguments, 1))(y=3) == (1, (), 3, {})


@pytest.mark.parametrize("kind", [plain, coroutine])
def test_a_route_is_forced(
    kind: Callable[..., Any], mark: tuple[Callable[[Any], Any], bool]
) -> None:
    decorate, says = mark
    app = FastAPI()
    app.get("/x")(decorate(kind))
    app.get("/partial")(decorate(functools.partial(kind)))
    app.get("/in-a-partial")(functools.partial(decorate(kind)))
    app.get("/other")(kind)
    for path in ("/x", "/partial", "/in-a-partial"):
        assert answers(app, f"GET {path}") == expected(says), path
    assert answers(app, "GET /other") == (200, 503)


@pytest.mark.parametrize("kind", [generator, async_generator])
def test_a_stream_is_forced(
    kind: Callable[..., Any], mark: tuple[Callable[[Any], Any], bool]
) -> None:
    decorate, says = mark
    twin = decorate(kind)
    app = FastAPI()
    app.get("/x", response_class=StreamingResponse)(
        decorate(lambda: StreamingResponse(kind(), media_type="text/plain"))
    )
    assert answers(app) == expected(says)
    assert forced(functools.partial(twin)) is says


def test_it_is_seen_through_decorators_that_use_wraps(
    mark: tuple[Callable[[Any], Any], bool],
) -> None:
    decorate, says = mark

    def timed(func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs)

        return wrapper

    app = FastAPI()
    app.get("/x")(timed(timed(decorate(plain))))
    app.get("/above")(decorate(timed(plain)))
    assert answers(app) == answers(app, "GET /above") == expected(says)


def test_it_holds_for_one_method_and_route(mark: tuple[Callable[[Any], Any], bool]) -> None:
    decorate, says = mark
    router = APIRouter()
    router.get("/x")(decorate(plain))
    router.post("/x")(plain)
    router.get("/x/{y}")(plain)
    outer = APIRouter(prefix="/outer")
    outer.include_router(router, prefix="/inner")
    app = FastAPI()
    app.include_router(outer)
    app.include_router(router, prefix="/again")
    for prefix in ("/outer/inner", "/again"):
        assert answers(app, f"GET {prefix}/x") == expected(says)
        assert answers(app, f"POST {prefix}/x") == (200, 503)
        assert answers(app, f"GET {prefix}/x/1") == (200, 503)
        assert answers(app, f"PUT {prefix}/x") == (405, 405)


def test_a_class_means_all_its_methods(mark: tuple[Callable[[Any], Any], bool]) -> None:
    decorate, says = mark

    class Orders(HTTPEndpoint):
        """Some orders."""

        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("orders")

        def post(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("new")

    twin = decorate(Orders)
    app = Starlette(routes=[Route("/x", twin), Route("/plain", Orders)])
    for request in ("GET /x", "POST /x", "HEAD /x"):
        assert answers(app, request) == expected(says)
    assert answers(app, "DELETE /x") == (405, 405)
    assert answers(app, "GET /plain") == (200, 503)
    assert forced(Orders) is None
    assert issubclass(twin, Orders)
    assert (twin.__name__, twin.__module__) == ("Orders", __name__)
    assert twin.__dict__[NAME_OF[says]] is True


def test_one_method_of_a_class_means_that_one(mark: tuple[Callable[[Any], Any], bool]) -> None:
    decorate, says = mark

    class Orders(HTTPEndpoint):
        @decorate
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("orders")

        def post(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("new")

    app = FastAPI()
    endpoint: Any = Orders
    app.add_route("/x", endpoint)
    for request in ("GET /x", "HEAD /x"):
        assert answers(app, request) == expected(says)
    assert answers(app, "POST /x") == (200, 503)
    assert answers(app, "PUT /x") == (405, 405)


@pytest.mark.parametrize("class_is_on", [True, False])
def test_on_wins_between_a_class_and_its_method(class_is_on: bool) -> None:
    on, off = force_maintenance_mode_on, force_maintenance_mode_off
    outside, inside = (on, off) if class_is_on else (off, on)

    class Orders(HTTPEndpoint):
        @inside
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("orders")

    assert answers(Starlette(routes=[Route("/x", outside(Orders))])) == (503, 503)


def test_a_websocket_is_forced(mark: tuple[Callable[[Any], Any], bool]) -> None:
    decorate, says = mark

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    class Talk(WebSocketEndpoint):
        async def on_connect(self, websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.close()

    talk.__annotations__ = {"socket": WebSocket, "return": None}
    app, router = FastAPI(), APIRouter()
    app.websocket("/talk")(decorate(talk))
    app.router.add_websocket_route("/class", decorate(Talk))
    router.websocket("/talk")(decorate(talk))
    app.include_router(router, prefix="/in")
    routes = Routes(app)
    for path in ("/talk", "/class", "/in/talk"):
        assert routes.target(scope_of(f"WS {path}")).forced is says


@pytest.mark.parametrize("decorate", [*MARKS.values(), needs("db")])
def test_an_object_that_is_called_may_be_decorated(decorate: Callable[[Any], Any]) -> None:
    class Called:
        def __call__(self) -> str:
            return "called"

    app = FastAPI()
    called = Called()
    app.get("/x")(decorate(called))
    assert asyncio.run(call(app, scope_of("GET /x")))[0] == 200
    assert forced(called) is None


def test_an_object_that_is_awaited_may_be_decorated() -> None:
    class Awaited:
        async def __call__(self) -> str:
            return "awaited"

    app = FastAPI()
    app.get("/x")(force_maintenance_mode_off(Awaited()))
    assert asyncio.run(call(app, scope_of("GET /x"))) == (200, b'"awaited"')


def test_a_method_of_an_object_is_forced() -> None:
    shop = Shop()
    app = FastAPI()
    app.get("/closed")(shop.closed)
    app.get("/open")(shop.open)
    app.get("/orders")(shop.orders)
    assert answers(app, "GET /closed") == (503, 503)
    assert answers(app, "GET /open") == (200, 200)
    assert answers(app, "GET /orders") == (200, 503)
    assert (shop.closed(), asyncio.run(shop.open())) == ("shop", "shop")


def test_it_wins_in_both_orders() -> None:
    """Forced on means never open, whatever else is said."""
    both = force_maintenance_mode_on(force_maintenance_mode_off(plain))
    assert forced(both) is True
    assert forced(force_maintenance_mode_on(both)) is True
    assert forced(force_maintenance_mode_off(force_maintenance_mode_off(plain))) is False


def test_off_above_on_changes_nothing() -> None:
    assert forced(force_maintenance_mode_off(force_maintenance_mode_on(plain))) is True
    assert forced(force_maintenance_mode_off()(force_maintenance_mode_on()(plain))) is True


# What FastAPI makes of a route stays the same.


class Item(BaseModel):
    a: int


def paged(page: int = 3) -> int:
    """A page."""
    return page


def documented(decorate: Callable[[Any], Any], annotate: bool) -> FastAPI:
    """Routes that use what FastAPI reads from a function."""
    app = FastAPI()

    async def read(
        x: int, page: Annotated[int, Depends(paged)], s: Annotated[str, Query(max_length=3)] = "z"
    ) -> Item:
        """Reads an item.

        At length.
        """
        return Item(a=x + page)

    def write(item: Item, request: Request) -> list[Item]:
        return [item]

    for func in (read, write):
        if annotate:  # as without postponed annotations
            func.__annotations__ = inspect.get_annotations(func, eval_str=True)
    app.get("/read/{x}")(decorate(read))
    app.post("/write")(decorate(write))
    app.get("/method")(decorate(Shop().orders))
    return app


DECORATORS = [*MARKS.values(), needs("db"), lambda f: needs("db")(force_maintenance_mode_off(f))]


@pytest.mark.parametrize("decorate", DECORATORS)
@pytest.mark.parametrize("annotate", [True, False], ids=["evaluated", "postponed"])
def test_what_fastapi_reads_stays_the_same(decorate: Callable[[Any], Any], annotate: bool) -> None:
    bare, app = documented(lambda func: func, annotate), documented(decorate, annotate)
    assert app.openapi() == bare.openapi()
    scope = {**scope_of("GET /read/4"), "query_string": b"page=1"}
    status, body = asyncio.run(call(app, scope))
    assert (status, json.loads(body)) == (200, {"a": 5})
    assert asyncio.run(call(app, scope_of("GET /read/x")))[0] == 422
    too_long = {**scope_of("GET /read/4"), "query_string": b"s=long"}
    assert asyncio.run(call(app, too_long))[0] == 422


# What a route needs.


def needed(app: Any, request: str = "GET /x") -> set[str]:
    return set(Routes(app).target(scope_of(request)).needs)


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


talk.__annotations__ = {"socket": WebSocket, "return": None}


def test_a_route_needs_what_it_says() -> None:
    app = FastAPI(dependencies=[Depends(needs("app"))])
    router = APIRouter(dependencies=[Depends(needs("router"))])
    inner = APIRouter(dependencies=[Depends(needs("inner"))])
    app.get("/x", dependencies=[Depends(needs("a", "b"))])(plain)
    router.get("/x")(needs("c")(needs("d", "e")(plain)))
    inner.get("/x")(plain)
    inner.websocket("/talk")(needs("talk")(talk))
    router.include_router(inner, prefix="/inner")
    app.include_router(router, prefix="/in", dependencies=[Depends(needs("included"))])
    app.websocket("/talk", dependencies=[Depends(needs("socket"))])(talk)
    app.get("/none")(plain)
    assert needed(app) == {"app", "a", "b"}
    assert needed(app, "GET /in/x") == {"app", "included", "router", "c", "d", "e"}
    assert needed(app, "GET /in/inner/x") == {"app", "included", "router", "inner"}
    assert needed(app, "WS /in/inner/talk") == {"app", "included", "router", "inner", "talk"}
    assert needed(app, "WS /talk") == {"app", "socket"}
    assert needed(app, "GET /none") == {"app"}
    assert needed(app, "GET /unknown") == set()


def test_a_dependency_of_a_dependency_counts() -> None:
    def session(_: Annotated[None, Depends(needs("db"))]) -> str:
        return "session"

    session.__annotations__ = {"_": Annotated[None, Depends(needs("db"))], "return": str}

    @needs("cache")
    def cached() -> str:
        return "cached"

    def endpoint(a: str = Depends(session), b: str = Depends(cached)) -> str:
        return a + b

    app = FastAPI()
    app.get("/x")(endpoint)
    assert needed(app) == {"db", "cache"}
    assert status(app, "GET /x") == 200


def test_a_class_and_its_method_need_both() -> None:
    class Orders(HTTPEndpoint):
        @needs("db")
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("orders")

        @force_maintenance_mode_on
        @needs("queue")
        async def post(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("new")

    app = Starlette(routes=[Route("/x", needs("shop")(Orders))])
    assert needed(app) == {"shop", "db"}
    assert needed(app, "POST /x") == {"shop", "queue"}
    assert needs_of(Orders) == set()
    assert answers(app, "POST /x") == (503, 503)


def test_needs_and_forcing_go_together_in_both_orders() -> None:
    for twin in (
        needs("db")(force_maintenance_mode_off(plain)),
        force_maintenance_mode_off(needs("db")(plain)),
    ):
        assert (set(needs_of(twin)), forced(twin)) == ({"db"}, False)
    assert needs_of(functools.partial(needs("db")(plain))) == {"db"}


@pytest.mark.parametrize("wrong", [(), ("",), (1,), ("db", None)])
def test_names_that_are_none_are_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r'write @needs\("orders-db"\)'):
        needs(*wrong)


def test_needs_without_parentheses_is_refused() -> None:
    decorate: Any = needs
    with pytest.raises(TypeError, match=r'write @needs\("orders-db"\)'):
        decorate(plain)


@pytest.mark.parametrize("where", ["route", "router", "included", "app", "argument"])
def test_as_a_dependency_it_asks_nothing_of_the_client(where: str) -> None:
    own = [Depends(needs("db"))]
    app = FastAPI(dependencies=own if where == "app" else None)
    router = APIRouter(dependencies=own if where == "router" else None)
    options: dict[str, Any] = {"dependencies": own if where == "route" else None}

    def asks(_: None = own[0]) -> str:
        return "asks"

    router.get("/x", **options)(asks if where == "argument" else plain)
    router.websocket("/talk", **options)(talk)
    app.include_router(router, dependencies=own if where == "included" else None)
    operation = app.openapi()["paths"]["/x"]["get"]
    assert not {"parameters", "requestBody"} & set(operation)
    assert needed(app) == {"db"}
    assert status(app, "GET /x") == 200
    assert asyncio.run(call(app, scope_of("GET /x")))[0] == 200
    assert asyncio.run(call(app, scope_of("WS /talk")))[0] == 0
    if where != "argument":
        assert needed(app, "WS /talk") == {"db"}


def test_without_a_gate_it_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    app.get("/x", dependencies=[Depends(needs("queue", "db"))])(plain)
    with caplog.at_level(logging.WARNING, "fastapi_maintenance"):
        assert status(app, "GET /x") == 200
        assert caplog.messages == []
        for _ in range(2):
            assert asyncio.run(call(app, scope_of("GET /x")))[0] == 200
    assert caplog.messages == [
        "'/x' needs db, queue, but no MaintenanceModeMiddleware is around it: no window stops it"
    ]


def test_a_need_that_a_route_depends_on_costs_no_thread() -> None:
    """FastAPI runs what it takes for plain in a thread, which costs more than the rest."""
    app = FastAPI(dependencies=[Depends(needs("db"))])
    where: list[threading.Thread] = []

    class Noting(Needs):
        async def _as_dependency(self, connection: HTTPConnection) -> None:
            where.append(threading.current_thread())

    @app.get("/x", dependencies=[Depends(Noting(frozenset({"queue"})))])
    async def route() -> None:
        where.append(threading.current_thread())

    assert TestClient(app).get("/x").status_code == 200
    assert where[0] is where[1]
