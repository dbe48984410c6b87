"""Applications made of others: included routers, mounts, hosts; and requests to try on each."""

from __future__ import annotations

import re
from pathlib import Path

import fastapi.routing
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Match, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from tests.unit import routed
from tests.unit.routed import Foreign, Passing, endpoint, resource, talk
from tests.unit.shapes_of_routes import Make, api

HAS_TREE = hasattr(fastapi.routing, "iter_route_contexts")


TREE = pytest.mark.skipif(
    not HAS_TREE, reason="this FastAPI clones the routes of an included router"
)


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
