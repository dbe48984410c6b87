"""What the resolver says of a request is what the real router then does with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastapi.routing
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.convertors import CONVERTOR_TYPES, Convertor
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from fastapi_maintenance._routes import OPAQUE, UNSERVED, Routes
from tests.unit import routed
from tests.unit.routed import (
    ROUTER,
    Foreign,
    Passing,
    compare,
    endpoint,
    met,
    resource,
    scope_of,
    told,
)
from tests.unit.shapes_of_routes import (
    CLASSES,
    DEFAULTS,
    DOCUMENTED,
    PARAMETERS,
    PLAIN,
    ROOTED,
    SLASHES,
    SOCKETS,
    Make,
    api,
    classes,
    defaults,
    documented,
    parameters,
    plain,
    rooted,
    slashes,
    sockets,
)
from tests.unit.shapes_of_trees import (
    AT_ROOT,
    CUSTOM,
    CUSTOM_INCLUDED,
    GUARDED,
    HOSTS,
    INCLUDED,
    MIXED,
    MOUNTS,
    TREE,
    custom,
    custom_included,
    guarded,
    hosts,
    included,
    mixed,
    mounted_at,
    mounts,
)


class Odd(Convertor[str]):
    """Fails for what it matches, unless that is 1."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        if value != "1":
            raise LookupError(value)
        return value

    def to_string(self, value: str) -> str:
        return value


@pytest.fixture(autouse=True)
def _odd_convertor() -> Iterator[None]:
    CONVERTOR_TYPES["odd"] = Odd()
    yield
    del CONVERTOR_TYPES["odd"]


CASES: list[tuple[Make, str]] = [
    (plain, PLAIN),
    (parameters, PARAMETERS),
    (classes, CLASSES),
    (included, INCLUDED),
    (mixed, MIXED),
    (mounts, MOUNTS),
    (mounted_at("/"), AT_ROOT),
    (mounted_at(""), AT_ROOT),
    (hosts, HOSTS),
    (sockets, SOCKETS),
    (slashes(True), SLASHES),
    (slashes(False), SLASHES),
    (rooted(), ROOTED),
    (rooted(root_path="/api"), ROOTED),
    (documented, DOCUMENTED),
    (custom, CUSTOM),
    (custom_included, CUSTOM_INCLUDED),
    (guarded, GUARDED),
    (defaults, DEFAULTS),
]


def each_request() -> Iterator[Any]:
    for number, (make, requests) in enumerate(CASES):
        for request in requests.replace("\n", "|").split("|"):
            name = f"{make.__qualname__.partition('.')[0]}{number} {request.strip()}"
            yield pytest.param(make, request.strip(), id=name)


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
@pytest.mark.parametrize(("make", "request_"), list(each_request()))
def test_the_resolver_agrees_with_the_router(make: Make, request_: str) -> None:
    compare(make(), request_)


# What changes while it runs.


def test_routes_that_are_added_later_count() -> None:
    router, outer, app, sub = APIRouter(), APIRouter(), api(), api()
    outer.include_router(router, prefix="/in")
    app.include_router(outer, prefix="/out")
    app.mount("/sub", sub)
    requests = ["GET /out/in/x", "GET /out/x", "GET /sub/x", "GET /x", "GET /w/x", "POST /out/in/x"]
    compare(app, *requests)
    router.get("/x")(endpoint("inner"))
    outer.get("/x")(endpoint("outer"))
    sub.get("/x")(endpoint("sub"))
    app.get("/x")(endpoint("x"))
    app.mount("/w", sub)
    compare(app, *requests)
    app.router.routes.pop()
    app.router.routes.insert(0, APIRoute("/sub/{rest:path}", endpoint("first")))
    compare(app, *requests)


def test_routes_that_bypass_include_router_count_as_far_as_fastapi_notices() -> None:
    router, app = APIRouter(), api()
    router.get("/x")(endpoint("x"))
    app.include_router(router, prefix="/in")
    compare(app, "GET /in/x", "GET /in/y")
    router.routes.append(APIRoute("/y", endpoint("y")))
    compare(app, "GET /in/x", "GET /in/y")
    router.get("/z")(endpoint("z"))
    resolver = Routes(app)
    for path in ("/in/y", "/in/z"):
        assert (met(app, f"GET {path}") == ROUTER) is not resolver.target(
            scope_of(f"GET {path}")
        ).served


def test_what_an_application_is_made_of_may_change() -> None:
    first, second = api(), api()
    second.get("/x")(endpoint("x"))
    outer = Starlette(routes=[Mount("/in", first)])
    compare(outer, "GET /in/x")
    routes = Routes(outer)
    assert told(routes.target(scope_of("GET /in/x"))) == ROUTER
    first.router = second.router
    assert told(routes.target(scope_of("GET /in/x"))) == "x"
    first.root_path = "/elsewhere"
    assert told(routes.target(scope_of("GET /in/x"))) == met(outer, "GET /in/x") == ROUTER


def test_a_list_of_routes_may_be_replaced() -> None:
    app = api()
    app.get("/x")(endpoint("x"))
    app.get("/y")(endpoint("y"))
    routes = Routes(app)
    assert told(routes.target(scope_of("GET /x"))) == "x"
    app.router.routes = app.router.routes[1:]
    assert told(routes.target(scope_of("GET /x"))) == met(app, "GET /x") == ROUTER


# Where a gate may stand.


def test_a_gate_in_a_router_or_around_a_mount_sees_what_is_behind_it() -> None:
    log: list[str] = []
    spying = [Middleware(routed.Spy, log=log)]
    inner = Router([Route("/x", endpoint("x"))], middleware=spying)
    files = StaticFiles(directory=Path(__file__).parent)
    app = Starlette(
        routes=[
            Mount("/router", inner),
            Mount("/mount", Router([Route("/x", endpoint("x"))]), middleware=spying),
            Mount("/files", files, middleware=spying),
            Mount("/hiding", Foreign(Router([Route("/x", endpoint("x"))])), middleware=spying),
            Route("/route", endpoint("x"), middleware=spying),
            Route("/routed.py", endpoint("other")),
        ]
    )
    said = {
        "/router/x": "x", "/router/none": ROUTER, "/mount/x": "x", "/mount/none": ROUTER,
        "/files/routed.py": routed.OPAQUE, "/files/none": routed.OPAQUE,
        "/hiding/x": routed.OPAQUE, "/route": routed.OPAQUE,
    }  # fmt: skip
    for path, word in said.items():
        met(app, f"GET {path}")
        assert log.pop() == word, path


@pytest.mark.parametrize("path", ["", "/sub", "/wrapped"])
def test_a_middleware_that_hides_what_it_wraps_hides_no_routes(path: str) -> None:
    """Then the application that the scope names is asked."""
    log: list[str] = []
    app, sub = api(), api()
    for each in (app, sub):
        each.get("/x")(endpoint("x"))
    app.mount("/sub", sub)
    app.mount("/wrapped", Passing(sub))
    gated = sub if path else app
    gated.add_middleware(Foreign)
    gated.add_middleware(routed.Spy, log=log)
    for request, word in {f"GET {path}/x": "x", f"GET {path}/none": ROUTER}.items():
        met(app, request)
        assert log.pop() == word


def test_an_unknown_application_is_opaque() -> None:
    assert Routes(Foreign()).target(scope_of("GET /")) == OPAQUE
    assert Routes(Passing(Foreign())).target(scope_of("GET /")) == OPAQUE


def test_a_loop_of_wrappers_ends() -> None:
    app = Passing(Foreign())
    app.app = app
    assert Routes(app).target(scope_of("GET /")) == OPAQUE


# What fails or is unknown counts as served.


def test_a_route_that_fails_counts_as_served_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    routes = Routes(parameters())
    with caplog.at_level(logging.WARNING, "fastapi_maintenance"):
        for _ in range(2):
            assert routes.target(scope_of("GET /odd/2%0A")) == OPAQUE
    # Quoted, since a client may put line breaks into a path.
    assert [record.message for record in caplog.records] == [r"can't tell what serves '/odd/2\n'"]
    assert caplog.records[0].exc_info is not None


def test_without_a_way_to_list_included_routes_they_still_count_as_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if FastAPI had renamed it; a path that is unknown stays so."""
    monkeypatch.delattr(fastapi.routing, "iter_route_contexts", raising=False)
    routes = Routes(included())
    for request in ("GET /middle/leaf", "WS /middle/leaf/talk", "GET /bare", "GET /acme/leaf/7"):
        assert routes.target(scope_of(request)).served
    for request in ("GET /none", "GET /middle/none", "WS /middle/leaf"):
        assert routes.target(scope_of(request)) == UNSERVED


@TREE
def test_without_private_names_what_is_included_still_counts_as_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = fastapi.routing._IncludedRouter

    class Renamed:
        """An included router whose private names are others."""

        def __init__(self, route: Any) -> None:
            self._route = route
            self.matches = route.matches
            self.handle = route.handle

    monkeypatch.setattr(fastapi.routing, "iter_route_contexts", iter)
    app = included()
    kept: list[Any] = app.router.routes
    kept[:] = [Renamed(route) if isinstance(route, tree) else route for route in kept]
    routes = Routes(app)
    for request in ("GET /middle/leaf", "WS /middle/leaf/talk", "GET /bare", "GET /acme/leaf/7"):
        assert routes.target(scope_of(request)).served
    for request in ("GET /none", "GET /middle/none", "WS /middle/leaf"):
        assert routes.target(scope_of(request)) == UNSERVED


def test_methods_that_clients_think_up_are_not_remembered() -> None:
    app = api()
    app.add_route("/things", resource("get", name="things"))
    app.mount("/sub", Foreign())
    routes = Routes(app)
    assert routes.target(scope_of("GET /things")).served
    for number in range(50):
        assert routes.target(scope_of(f"X{number} /things")) == UNSERVED
    (table,) = routes._tables.values()
    assert [set(leaf._targets) for _, leaf in table._leaves] == [{"get"}, set()]


def test_a_target_names_the_route_as_it_was_declared() -> None:
    routes = Routes(included())
    assert routes.target(scope_of("GET /acme/leaf/7")).template == "/{tenant}/leaf/{id}"
