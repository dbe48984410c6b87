"""What an application is made of, seen from outside: what it wraps, and its routes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, cast

from starlette.applications import Starlette
from starlette.routing import Host, Mount, Router


def layers(app: Any) -> Iterator[Any]:
    """An application and what it wraps, from the outside in, as far as ``.app`` leads."""
    for _ in range(100):  # an end for loops
        owner = getattr(app, "__self__", None)
        if isinstance(owner, Router) and app == owner.app:
            app = owner  # what a router's own middlewares wrap
        if app is not None:
            yield app
        if app is None or isinstance(app, Router):
            return
        app = app.router if isinstance(app, Starlette) else getattr(app, "app", None)


def leaves_of(routes: Iterable[Any]) -> Iterable[Any]:
    """Routes, with those of included routers in their place.

    FastAPI keeps them as a tree from 0.137.2 on. Where it is not imported there are none.
    """
    listing: Any = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
    return cast(Iterable[Any], listing(routes))


def routes_below(app: Any, _above: tuple[Any, ...] = ()) -> Iterator[Any]:
    """All routes of an application, those of mounted ones included."""
    routers = (layer for layer in layers(app) if isinstance(layer, Router) and app not in _above)
    for route in (leaf for router in routers for leaf in leaves_of(router.routes)):
        original = getattr(route, "original_route", route)
        yield original
        if isinstance(original, Mount | Host):
            yield from routes_below(original.app, (*_above, app))
