"""A frontend is served outside of the routes, and answers for what they do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, FastAPI

from fastapi_maintenance import needs
from fastapi_maintenance._routes import OPAQUE, UNSERVED, Routes
from tests.unit.routed import compare, endpoint, scope_of, told
from tests.unit.shapes_of_routes import api

HAS_FRONTEND = hasattr(FastAPI, "frontend")


FRONTENDS = pytest.mark.skipif(not HAS_FRONTEND, reason="this FastAPI has no app.frontend()")


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
