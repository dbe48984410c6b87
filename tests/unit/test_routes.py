"""What the resolver says of a request is what the real router then does with it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastapi.routing
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.convertors import CONVERTOR_TYPES, Convertor
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Match, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from fastapi_maintenance import needs
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
    talk,
    told,
)

Make = Callable[[], Any]

HAS_TREE = hasattr(fastapi.routing, "iter_route_contexts")
HAS_FRONTEND = hasattr(FastAPI, "frontend")
TREE = pytest.mark.skipif(
    not HAS_TREE, reason="this FastAPI clones the routes of an included router"
)
FRONTENDS = pytest.mark.skipif(not HAS_FRONTEND, reason="this FastAPI has no app.frontend()")


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


def api(**options: Any) -> FastAPI:
    return FastAPI(**{"openapi_url": None, **options})


def plain() -> FastAPI:
    app = api()
    app.get("/")(endpoint("root"))
    app.get("/orders")(endpoint("orders"))
    app.post("/orders")(endpoint("new"))
    app.api_route("/many", methods=["PUT", "PATCH", "DELETE"])(endpoint("many"))
    app.head("/heads")(endpoint("heads"))
    app.options("/options")(endpoint("options"))
    app.get("/end/")(endpoint("end"))
    return app


PLAIN = """GET / | POST / | GET /orders | POST /orders | PUT /orders | HEAD /orders
OPTIONS /orders | GET /orders/ | POST /orders/ | PUT /orders/ | GET /Orders | GET /none
GET /orders/1 | PUT /many | PATCH /many | DELETE /many | GET /many | HEAD /heads | GET /heads
OPTIONS /options | GET /options | GET /end | GET /end/ | GET //orders | GET /orders//
GET /%6frders | GET /orders%0A | GET /orders%0D | GET /orders%2F | GET /end/%0A | WS /orders
WS /none | GET /orders%3Fx | GET /orders%00 | GET /%20 | QUERY /orders | get /orders"""


def parameters() -> FastAPI:
    app = api()
    app.get("/items/latest")(endpoint("latest"))
    app.get("/items/{id:int}")(endpoint("number"))
    app.get("/items/{id:uuid}")(endpoint("uuid"))
    app.get("/items/{id}")(endpoint("item"))
    app.get("/items/last")(endpoint("hidden"))
    app.delete("/items/{id}")(endpoint("delete"))
    app.get("/items/{id}/part{n:int}")(endpoint("part"))
    app.get("/items/{id}/{part}.json")(endpoint("json"))
    app.get("/files/{p:path}/meta")(endpoint("meta"))
    app.get("/files/{p:path}")(endpoint("file"))
    app.get("/{lang}/items/latest")(endpoint("abroad"))
    app.get("/v{version:int}")(endpoint("version"))
    app.get("/odd/{it:odd}")(endpoint("odd"))
    app.get("/odd/2")(endpoint("two"))
    app.get("/{rest:path}")(endpoint("rest"))
    return app


PARAMETERS = """GET /items/latest | GET /items/7 | GET /items/-7 | GET /items/last | GET /items/x
GET /items/0b3cfbf5-2ad6-4c0a-9d2a-3e5ac4f0a9b0 | DELETE /items/7 | DELETE /items/latest
PUT /items/latest | GET /items/7/part3 | GET /items/7/partx | GET /items/7/x.json | GET /items/
GET /items | GET /files/a/b/meta | GET /files/a/meta | GET /files/meta | GET /files/ | GET /files
GET /en/items/latest | GET /items/items/latest | GET /v2 | GET /vx | POST /v2 | GET /odd/1
GET /odd/2 | GET /odd/3 | GET /a/b/c | GET / | POST /a | GET /items/a%2Fb | GET /items/%C3%BC
GET /items/x%0A | GET /files/a%0Ab | GET /items/latest%0A | GET /items/7%0A | GET /files/a/meta%0A
HEAD /items/7"""


def classes() -> FastAPI:
    class Own(resource("get", name="own")):  # type: ignore[misc]
        async def dispatch(self) -> None:
            routed._seen.append(routed.OPAQUE)
            await PlainTextResponse("")(self.scope, self.receive, self.send)

    class Kind(HTTPEndpoint):
        async def method_not_allowed(self, request: Any) -> Response:
            routed._seen.append(routed.OPAQUE)
            return PlainTextResponse("")

    class Talk(WebSocketEndpoint):
        async def on_connect(self, websocket: Any) -> None:
            routed._seen.append("talk")
            await websocket.close()

    own: Any = Own
    kind: Any = Kind
    marked: Any = needs("talk")(Talk)
    app = api()
    app.add_route("/things", resource("get", "post", name="things"))
    app.add_route("/heads", resource("head", name="heads"))
    app.add_route("/limited", resource("get", "put", name="limited"), methods=["PUT"])
    app.add_route("/own", own)
    app.add_route("/kind", kind)
    app.router.add_websocket_route("/talk", marked)
    router = APIRouter()
    router.add_route("/inner", resource("get", name="inner"))
    app.include_router(router, prefix="/in")
    return app


CLASSES = """GET /things | POST /things | HEAD /things | PUT /things | OPTIONS /things
DELETE /things | GET /heads | HEAD /heads | PUT /limited | GET /limited | POST /limited
POST /own | POST /kind | GET /kind | WS /talk | GET /talk | GET /in/inner | POST /in/inner
GET /inner | GET /things/"""


def included() -> FastAPI:
    leaf = APIRouter(prefix="/leaf", dependencies=[Depends(lambda: None)])
    leaf.get("")(endpoint("leaf"))
    leaf.get("/{id}")(endpoint("leaf-id"))
    leaf.post("/new")(endpoint("leaf-new"))
    leaf.websocket("/talk")(talk("leaf-talk"))
    middle = APIRouter(prefix="/middle")
    middle.get("/first")(endpoint("middle-first"))
    middle.include_router(leaf)
    middle.include_router(leaf, prefix="/again")
    middle.get("/leaf/late")(endpoint("too-late"))
    bare = APIRouter()
    bare.get("/bare")(endpoint("bare"))
    bare.get("/middle/first")(endpoint("never"))
    app = api()
    app.include_router(middle, dependencies=[Depends(lambda: None)])
    app.include_router(bare)
    app.include_router(leaf, prefix="/{tenant}")
    app.include_router(APIRouter())
    app.post("/middle/first")(endpoint("own-post"))
    app.get("/bare")(endpoint("hidden"))
    return app


INCLUDED = """GET /middle/leaf | GET /middle/leaf/ | GET /middle/leaf/7 | POST /middle/leaf/new
GET /middle/leaf/new | POST /middle/leaf/7 | GET /middle/first | POST /middle/first | GET /leaf
PUT /middle/first | GET /middle/again/leaf | GET /middle/again/leaf/7 | GET /middle/leaf/late
GET /bare | GET /bare/ | GET /acme/leaf | GET /acme/leaf/7 | POST /acme/leaf/new
WS /acme/leaf/talk | WS /middle/leaf/talk | WS /middle/leaf | WS /middle/again/leaf/talk
GET /middle | GET /middle/none | GET /middle/leaf%0A | DELETE /acme/leaf | HEAD /middle/leaf
GET /middle/leaf/talk"""


def mixed() -> FastAPI:
    """Starlette's own routes inside an included router: FastAPI drops some before 0.137."""
    sub = api()
    sub.get("/here")(endpoint("sub-here"))
    router = APIRouter()
    router.routes.append(Mount("/sub", app=sub))
    router.routes.append(Mount("/routes/{x}", routes=[Route("/r", endpoint("r"))]))
    router.routes.append(Route("/plain", endpoint("plain"), methods=["POST"]))
    router.routes.append(Route("/thing/{id}", resource("get", name="thing")))
    router.routes.append(WebSocketRoute("/talk", talk("talk")))
    if HAS_TREE:  # earlier ones can't include it at all
        router.routes.append(Host("{shop}.example.org", app=sub))
    outer = APIRouter()
    outer.include_router(router, prefix="/deep")
    app = api()
    app.include_router(router)
    app.include_router(router, prefix="/pre")
    app.include_router(outer, prefix="/out")
    app.get("/sub/{rest:path}")(endpoint("after"))
    return app


MIXED = """GET /sub/here | GET /sub/none | GET /pre/sub/here | GET /pre/sub/none
GET /out/deep/sub/here | GET /sub | GET /pre/sub/ | POST /plain | GET /plain | POST /pre/plain
GET /out/deep/plain | GET /thing/1 | POST /thing/1 | GET /pre/thing/1 | WS /talk | WS /pre/talk
WS /out/deep/talk | GET /here host=books.example.org | GET /none host=books.example.org
GET /here | GET /pre/here host=books.example.org | GET /out/deep/here host=books.example.org
GET /pre/here host=example.com | GET /routes/1/r | GET /pre/routes/1/r | GET /routes/1/x
GET /out/deep/routes/1/r | POST /routes/1/r"""


def mounts() -> FastAPI:
    deep = Starlette(routes=[Route("/x", endpoint("deep-x"), methods=["GET", "PUT"])])
    inner = api()
    inner.get("/x")(endpoint("inner-x"))
    inner.get("/{y}/z")(endpoint("inner-z"))
    inner.mount("/deep", deep)
    inner.mount("/deep/twice", deep)
    inner.mount("/{who}/deep", deep)
    wrapped = api(redirect_slashes=False)
    wrapped.get("/x")(endpoint("wrapped-x"))
    app = api()
    app.get("/inner/before")(endpoint("before"))
    app.mount("/inner", inner)
    app.get("/inner/x")(endpoint("hidden"))
    app.mount("/wrapped", Passing(Passing(wrapped)))
    app.routes.append(Mount("/in-between", app=deep, middleware=[Middleware(Passing)]))
    app.mount("/foreign", Foreign())
    app.mount("/hiding", Foreign(wrapped))
    app.mount("/static", Foreign(StaticFiles(directory=Path(__file__).parent)))
    app.mount("/router", Router([Route("/x", endpoint("router-x"))], redirect_slashes=False))
    app.mount("/api", api_router())
    app.mount("/standalone", Route("/x", Foreign()))
    app.mount("/slash/", deep)
    app.mount("/{tenant}/of", inner)
    return app


def api_router() -> APIRouter:
    router = APIRouter(prefix="/v1")
    router.get("")(endpoint("v1"))
    router.get("/x")(endpoint("v1-x"))
    return router


MOUNTS = """GET /inner/before | GET /inner/x | GET /inner/none | GET /inner | GET /inner/
GET /inner/x/ | POST /inner/x | GET /inner/q/z | GET /inner/deep/x | PUT /inner/deep/x
POST /inner/deep/x | GET /inner/deep/twice/x | GET /inner/deep/none | GET /inner/you/deep/x
GET /inner/you/deep/y | GET /wrapped/x | GET /wrapped/x/ | GET /wrapped/none | GET /in-between/x
GET /in-between/none | GET /foreign/x | GET /foreign | GET /foreign/ | WS /foreign/x
GET /hiding/x | GET /hiding/none | GET /static/routed.py | GET /static/none
POST /static/routed.py | GET /router/x | GET /router/x/ | GET /api/v1 | GET /api/v1/x
GET /api/v1/none | GET /api/v1/ | GET /standalone/x | GET /slash/x | GET /slash | GET /slash/none
GET /acme/of/x | GET /acme/of/none | GET /acme/of/deep/x | GET /acme/of/you/deep/x
GET /inner%2Fx | GET /inner/deep%2Fx | GET /inner/x%0A | GET /inner//x | WS /inner/x | WS /none
GET /inner/deep/x root=/api | GET /api/inner/x root=/api"""


def mounted_at(path: str) -> Make:
    def make() -> FastAPI:
        inner = api()
        inner.get("/x")(endpoint("inner"))
        app = api()
        app.get("/first")(endpoint("first"))
        app.mount(path, inner)
        app.get("/last")(endpoint("last"))
        return app

    return make


AT_ROOT = (
    "GET /first | GET /x | GET /last | GET / | POST /first | GET /first/ | GET /x/ | WS /first"
)


def hosts() -> FastAPI:
    inner = api()
    inner.get("/x")(endpoint("inner"))
    inner.websocket("/talk")(talk("talk"))
    app = api()
    app.get("/first")(endpoint("first"))
    app.router.routes.append(Host("{shop}.example.org", inner))
    app.router.routes.append(Host("api.example.com", Foreign()))
    app.get("/x")(endpoint("x"))
    return app


HOSTS = """GET /x | GET /x host=a.example.org | GET /none host=a.example.org | GET /none
GET /x host=a.example.org:8000 | GET /first host=a.example.org | POST /x host=a.example.org
GET /x host=example.org | GET /x host=a.b.example.org | WS /talk host=a.example.org | WS /talk
GET /anything host=api.example.com | GET /first host=api.example.com | GET /x/ host=a.example.org"""


def sockets() -> FastAPI:
    app = api()
    app.websocket("/talk")(talk("talk"))
    app.websocket("/talk/{room}")(talk("room"))
    app.get("/talk")(endpoint("page"))
    app.router.add_websocket_route("/plain", talk("plain"))
    app.mount("/sub", Starlette(routes=[WebSocketRoute("/{n:int}", talk("number"))]))
    return app


SOCKETS = """WS /talk | GET /talk | WS /talk/ | WS /talk/1 | GET /talk/1 | WS /plain | GET /plain
WS /none | WS /sub/1 | WS /sub/x | GET /sub/1 | WS /talk root=/api | WS /api/talk root=/api"""


def slashes(redirect: bool) -> Make:
    def make() -> FastAPI:
        router = APIRouter()
        router.get("/in/")(endpoint("in"))
        router.get("/out")(endpoint("out"))
        app = api(redirect_slashes=redirect)
        app.get("/with/")(endpoint("with"))
        app.get("/without")(endpoint("without"))
        app.get("/item/{id}/")(endpoint("item"))
        app.include_router(router, prefix="/r")
        app.mount("/m", Starlette(routes=[Route("/x/", endpoint("x"))]))
        return app

    return make


SLASHES = """GET /with | GET /with/ | GET /without | GET /without/ | POST /with | POST /without/
GET /item/1 | GET /item/1/ | GET /r/in | GET /r/in/ | GET /r/out/ | GET /r/out | GET /m | GET /m/
GET /m/x | GET /m/x/ | GET /with// | GET /with root=/p | GET /p/with root=/p | WS /with"""


def rooted(**options: Any) -> Make:
    def make() -> FastAPI:
        inner = api()
        inner.get("/x")(endpoint("inner"))
        odd = api(root_path="/elsewhere")
        odd.get("/x")(endpoint("odd"))
        odd.get("/odd/x")(endpoint("odd-whole"))
        app = api(**options)
        app.get("/x")(endpoint("x"))
        app.get("/api/x")(endpoint("api-x"))
        app.mount("/inner", inner)
        app.mount("/odd", odd)
        app.mount("/odd-too", Passing(odd))
        return app

    return make


ROOTED = """GET /x | GET /x root=/api | GET /api/x root=/api | GET /api/api/x root=/api
GET /api/x | GET /apix root=/api | GET /api root=/api | GET /api/ root=/api
GET /inner/x root=/api | GET /api/inner/x root=/api | GET /api/inner/none root=/api | GET /odd/x
GET /odd/x root=/api | GET /api/odd/x root=/api | GET /odd-too/x | GET /elsewhere/odd/x
GET /elsewhere/x | POST /api/x"""


def documented() -> FastAPI:
    sub = FastAPI(docs_url="/manual", redoc_url=None)
    sub.get("/docs")(endpoint("sub-docs"))
    app = FastAPI(docs_url="/handbook", redoc_url="/redbook", openapi_url="/schema.json")
    app.get("/docs")(endpoint("own-docs"))
    app.get("/handbook/{page}")(endpoint("page"))
    app.mount("/sub", sub)
    return app


DOCUMENTED = """GET /handbook | GET /redbook | GET /schema.json | GET /docs/oauth2-redirect
GET /docs | HEAD /handbook | POST /handbook | GET /handbook/1 | GET /handbook/ | GET /openapi.json
GET /redoc | GET /sub/manual | GET /sub/docs | GET /sub/redoc | GET /sub/openapi.json
GET /sub/schema.json | GET /api/handbook root=/api"""


class Versioned(APIRoute):
    """Matches one host only, and knows routes with a tilde by their path alone."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if b"v2" in dict(scope["headers"])[b"host"]:
            return Match.NONE, {}
        return super().matches(scope)


class Anywhere(APIRoute):
    """Matches paths of which its own says nothing."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["path"].endswith("~"):
            return Match.FULL, {"endpoint": self.endpoint, "path_params": {}}
        return super().matches(scope)


class Quiet(APIRoute):
    """Answers a wrong method in its own way."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        routed._seen.append(self.name)
        await PlainTextResponse("")(scope, receive, send)


def custom() -> FastAPI:
    app = api()
    app.router.route_class = Versioned
    app.get("/x")(endpoint("one"))
    app.router.route_class = Quiet
    app.get("/quiet", name="quiet")(endpoint("quiet"))
    app.router.route_class = Anywhere
    app.get("/y")(endpoint("anywhere"))
    app.router.route_class = APIRoute
    app.get("/x")(endpoint("two"))
    app.get("/x~")(endpoint("never"))
    loose = APIRoute("/Loose/{id}", endpoint("loose"))
    loose.path_regex = re.compile(loose.path_regex.pattern, re.IGNORECASE)
    app.router.routes.append(loose)
    return app


CUSTOM = """GET /x | GET /x host=v2.example.org | GET /x~ | GET /none~ | GET /y | POST /y
POST /x | GET /quiet | POST /quiet | GET /Loose/1 | GET /loose/1 | GET /LOOSE/1
POST /x host=v2.example.org | GET /none"""


def custom_included() -> FastAPI:
    router = APIRouter(prefix="/in", route_class=Versioned)
    router.get("/x")(endpoint("one"))
    router.get("/y")(endpoint("y"))
    odd = APIRouter(route_class=Anywhere)
    odd.get("/odd")(endpoint("odd"))
    outer = APIRouter()
    outer.include_router(router, prefix="/out")
    outer.get("/out/in/x")(endpoint("outer-x"))
    app = api()
    app.include_router(router)
    app.include_router(outer)
    app.get("/in/x")(endpoint("two"))
    app.get("/x")(endpoint("three"))
    app.include_router(odd, prefix="/odd")
    return app


CUSTOM_INCLUDED = """GET /in/x | GET /in/x host=v2.example.org | GET /in/y
GET /in/y host=v2.example.org | POST /in/x | GET /out/in/x | GET /out/in/x host=v2.example.org
GET /out/in/y | GET /x | GET /y | GET /odd/odd | GET /odd/~ | GET /odd | POST /odd/odd
POST /in/x host=v2.example.org"""


def defaults() -> Starlette:
    fallback = api()
    fallback.get("/old")(endpoint("old"))
    app = Starlette(routes=[Route("/new", endpoint("new")), Route("/slash/", endpoint("slash"))])
    app.router.default = fallback
    other = Router([Route("/x", endpoint("x"))], default=Foreign())

    class Own(Router):
        async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"].endswith("/secret"):
                routed._seen.append(routed.OPAQUE)
            await super().app(scope, receive, send)

    app.mount("/other", other)
    app.mount("/own", Own([Route("/x", endpoint("own"))]))
    return app


DEFAULTS = """GET /new | POST /new | GET /old | GET /none | GET /slash | GET /slash/
GET /other/x | GET /other/none | POST /other/x | GET /other/x/ | WS /other/x | GET /own/x
GET /own/secret | WS /old"""


class Guarded(APIRouter):
    """As an included router, it matches on its own terms."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if b"closed" in dict(scope["headers"])[b"host"]:
            return Match.NONE, {}
        return super().matches(scope)


def guarded() -> FastAPI:
    inner = Guarded()
    inner.get("/x")(endpoint("inner"))
    inner.mount("/sub", Starlette(routes=[Route("/x", endpoint("sub"))]))
    outer = APIRouter()
    outer.include_router(inner, prefix="/in")
    app = api()
    app.include_router(outer, prefix="/out")
    app.get("/out/in/x")(endpoint("after"))
    return app


GUARDED = """GET /out/in/x | GET /out/in/x host=closed | GET /out/in/sub/x | GET /out/in/sub/none
GET /out/in/sub/x host=closed | POST /out/in/x | POST /out/in/x host=closed | GET /x"""

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


# Frontends are served outside of the routes.


def with_frontend(folder: Path) -> FastAPI:
    (folder / "index.html").write_text("<p>hello</p>")
    (folder / "main.js").write_text("hello()")
    router = APIRouter()
    router.get("/x")(endpoint("in-x"))
    router.frontend("/late", directory=folder, fallback=None)
    sub = api()
    sub.frontend("/", directory=folder, fallback=None)
    app = api()
    app.get("/slash/")(endpoint("slash"))
    app.include_router(router, prefix="/in")
    app.mount("/sub", sub)
    app.frontend("/site", directory=folder, fallback="index.html")
    return app


@FRONTENDS
@pytest.mark.parametrize(
    "request_",
    [
        "GET /site/", "GET /site/main.js", "HEAD /site/main.js", "GET /slash",
        "GET /in/late/main.js", "GET /in/x", "GET /sub/main.js", "GET /sub/", "GET /none",
        "POST /none", "WS /site/main.js", "GET /site/main.js root=/api", "GET /late/main.js",
        "POST /site/main.js", "DELETE /in/late/main.js", "POST /sub/main.js",
    ],
)  # fmt: skip
def test_a_frontend_is_served_unless_a_route_is(tmp_path: Path, request_: str) -> None:
    compare(with_frontend(tmp_path), request_)


@FRONTENDS
@pytest.mark.parametrize("path", ["/in/late/none", "/sub/none", "/site/none"])
def test_what_a_frontend_lacks_counts_as_served(tmp_path: Path, path: str) -> None:
    """Whether a file is there is the frontend's to say; to refuse it is right either way."""
    assert Routes(with_frontend(tmp_path)).target(scope_of(f"GET {path}")) == OPAQUE


@FRONTENDS
def test_a_frontend_needs_what_its_router_needs(tmp_path: Path) -> None:
    router = APIRouter(dependencies=[Depends(needs("files"))])
    router.frontend("/site", directory=tmp_path)
    app = api()
    app.include_router(router)
    assert Routes(app).target(scope_of("GET /site/x")).needs == {"files"}


@FRONTENDS
def test_where_frontends_cannot_be_told_what_no_route_explains_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = Routes(with_frontend(tmp_path))
    monkeypatch.delattr(APIRouter, "_iter_low_priority_routes")
    assert routes.target(scope_of("GET /site/main.js")) == OPAQUE
    assert routes.target(scope_of("GET /none")) == OPAQUE
    assert routes.target(scope_of("GET /slash")) == UNSERVED
    assert told(routes.target(scope_of("GET /in/x"))) == "in-x"


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


# Trees of routes that nobody thought of.

SEGMENTS = ["", "a", "b", "1", "{x}", "{n:int}", "a{x}"]
PATHS = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3).map(
    lambda segments: (
        "/"
        + "/".join(
            segment.replace("x", f"x{i}").replace("n:", f"n{i}:")
            for i, segment in enumerate(segments)
        )
    )
) | st.sampled_from(["/{p:path}", "/a/{p:path}", "/{p:path}/b"])
PREFIXES = st.sampled_from(["", "/a", "/b", "/a/b", "/{t}"])
METHODS = st.sampled_from([["GET"], ["POST"], ["GET", "PUT"], ["HEAD"], ["OPTIONS", "DELETE"]])

LEAVES = st.one_of(
    st.tuples(st.just("route"), PATHS, METHODS),
    st.tuples(st.sampled_from(["custom", "quiet"]), PATHS, METHODS),
    st.tuples(st.just("socket"), PATHS, st.none()),
    st.tuples(st.just("class"), PATHS, st.none()),
    st.tuples(st.just("foreign"), PREFIXES, st.none()),
)
TREES = st.recursive(
    st.lists(LEAVES, max_size=4),
    lambda children: st.lists(
        LEAVES
        | st.tuples(st.sampled_from(["include", "mount", "starlette", "host"]), PREFIXES, children),
        max_size=4,
    ),
    max_leaves=12,
)
REQUESTS = st.builds(
    lambda method, segments, rest: f"{method} /{'/'.join(segments)}{rest}",
    st.sampled_from(["GET", "GET", "POST", "HEAD", "PUT", "OPTIONS", "WS"]),
    st.lists(st.sampled_from(["a", "b", "1", "c", "a1", ""]), max_size=4),
    st.sampled_from(["", "", "", "/", "%0A", " root=/a", " host=h.example.org", " host=v2"]),
)


def grow(into: Any, tree: list[Any], name: str) -> Any:
    """Fill an application or a router; each endpoint is named by its place in the tree."""
    for number, (kind, path, more) in enumerate(tree):
        own = f"{name}.{number}"
        if not path and isinstance(into, APIRouter) and kind != "include":
            path = "/z"  # FastAPI includes no router with an empty path
        if kind == "route":
            into.api_route(path, methods=more)(endpoint(own))
        elif kind in ("custom", "quiet"):
            options: dict[str, Any] = {"methods": more, "name": own}
            options["route_class_override"] = Versioned if kind == "custom" else Quiet
            getattr(into, "router", into).add_api_route(path, endpoint(own), **options)
        elif kind == "socket":
            into.websocket(path)(talk(own))
        elif kind == "class":
            into.add_route(path, resource("get", "put", name=own))
        elif kind == "foreign":
            into.mount(path, Foreign())
        elif kind == "include":
            into.include_router(
                grow(APIRouter(), more, own), prefix=path.replace("t", f"t{len(own)}")
            )
        elif kind == "mount":
            into.mount(path, grow(api(redirect_slashes=number % 2 == 0), more, own))
        elif kind == "starlette":
            into.mount(path, Starlette(routes=grow(APIRouter(), more, own).routes))
        elif kind == "host" and (HAS_TREE or isinstance(into, FastAPI)):
            host = Host("h.example.org", grow(api(), more, own))
            getattr(into, "router", into).routes.append(host)
    return into


@settings(max_examples=120, deadline=None)
@given(tree=TREES, requests=st.lists(REQUESTS, min_size=5, max_size=12, unique=True))
def test_the_resolver_agrees_in_any_tree(tree: list[Any], requests: list[str]) -> None:
    compare(grow(api(), tree, "r"), *requests)
