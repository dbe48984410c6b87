"""What the resolver says holds in any tree of routes, also in one that nobody thought of."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Host

from tests.unit.routed import Foreign, compare, endpoint, resource, talk
from tests.unit.shapes_of_routes import api
from tests.unit.shapes_of_trees import HAS_TREE, Quiet, Versioned

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
