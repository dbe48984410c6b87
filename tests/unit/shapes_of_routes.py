"""Applications whose routes stand side by side, and requests to try on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

from fastapi_maintenance import needs
from tests.unit import routed
from tests.unit.routed import Foreign, Passing, endpoint, resource, talk

Make = Callable[[], Any]


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
