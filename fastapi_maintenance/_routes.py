"""Which route would serve a request, asked without calling it.

An unknown path must stay a 404 and a wrong method a 405 during maintenance, and decorators, docs
and declared needs belong to one route. The answer is the router's own: its routes in their order,
matched with the real scope, into mounts and hosts with the scope that those would get.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Host, Match, Mount, Router
from starlette.types import ASGIApp, Scope

from fastapi_maintenance.decorators import forced, needs_of

# Routes whose `matches` is defined here match what their own path says and nothing else.
_MATCH_BY_PATH = frozenset({"starlette.routing", "fastapi.routing"})

_MOST_LAYERS = 100


class Target(NamedTuple):
    """What a request would meet behind the gate."""

    served: bool = True
    """False where the router itself answers: 404, 405, or a redirect to add a slash."""
    forced: bool | None = None
    """What a decorator says: True always refuses, False never."""
    docs: bool = False
    """Whether it is FastAPI's own documentation."""
    needs: frozenset[str] = frozenset()
    template: str = ""
    """The route's path as it was declared."""


UNSERVED = Target(served=False)
OPAQUE = Target()
"""Something answers whose routes can't be seen: files, or a foreign application."""


def layers(app: Any) -> Iterator[Any]:
    """An application and what it wraps, from the outside in, as far as ``.app`` leads."""
    for _ in range(_MOST_LAYERS):
        if app is None:
            return
        yield app
        app = app.router if isinstance(app, Starlette) else getattr(app, "app", None)
        if isinstance(app, Router):
            yield app
            return


def leaves_of(routes: Iterable[Any]) -> Iterable[Any]:
    """Routes, with those of included routers in their place.

    FastAPI keeps them as a tree from 0.137.2 on. Where it is not imported there are none.
    """
    listing = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
    leaves: Iterable[Any] = listing(routes)
    return leaves


class Routes:
    """The routes behind an application; what is worked out is kept until they change."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._entrances: dict[int, _Entrance] = {}
        self._tables: dict[int, _Table] = {}

    def target(self, scope: Scope) -> Target:
        """What this request would meet."""
        found = self._enter(self._app, scope)
        if found is None and isinstance(outer := scope.get("app"), Starlette):
            found = self._enter(outer.router, scope)  # a middleware hides what it wraps
        return OPAQUE if found is None else found

    def _enter(self, app: Any, scope: Scope) -> Target | None:
        entrance = self._entrances.get(id(app))
        if entrance is None:
            entrance = self._entrances[id(app)] = _Entrance(app)
        if entrance.router is None:
            return None
        if entrance.root_path:
            scope = {**scope, "root_path": entrance.root_path}
        return self._route(entrance.router, scope)

    def _route(self, router: Router, scope: Scope) -> Target:
        path, wrong_method = _path_of(scope), False
        for leaf in self._table(router).candidates(path):
            if leaf.regex is not None and leaf.regex.match(path) is None:
                continue
            match, child = leaf.route.matches(scope)
            if match is Match.FULL:
                if leaf.inside is None:
                    return leaf.target(scope.get("method", ""))
                return self._enter(leaf.inside, {**scope, **child}) or OPAQUE
            wrong_method = wrong_method or match is Match.PARTIAL
        return UNSERVED if wrong_method else self._without_a_route(router, scope, path)

    def _without_a_route(self, router: Router, scope: Scope, path: str) -> Target:
        """A path that no route explains may still be served: by a frontend, or a default."""
        if getattr(router.default, "__func__", None) is not Router.not_found:
            return OPAQUE
        if not hasattr(router, "frontend") or self._is_redirected(router, scope, path):
            return UNSERVED
        listed = getattr(router, "_iter_low_priority_routes", None)
        if listed is None:
            return OPAQUE
        served = any(route.matches(dict(scope))[0] is Match.FULL for route in listed())
        return OPAQUE if served else UNSERVED

    def _is_redirected(self, router: Router, scope: Scope, path: str) -> bool:
        if scope["type"] != "http" or not router.redirect_slashes or path == "/":
            return False
        other = scope["path"].rstrip("/") if path.endswith("/") else scope["path"] + "/"
        there = {**scope, "path": other}
        leaves = self._table(router).candidates(_path_of(there))
        return any(leaf.route.matches(there)[0] is not Match.NONE for leaf in leaves)

    def _table(self, router: Router) -> _Table:
        table = self._tables.get(id(router))
        if table is None or table.is_old():
            table = self._tables[id(router)] = _Table(router)
        return table


class _Entrance:
    """Where the routes of an application begin, and the root path that it sets on the way."""

    def __init__(self, app: Any) -> None:
        self.app = app  # kept, so that its identity stays its own
        self.router: Router | None = None
        self.root_path = ""
        for layer in layers(app):
            self.root_path = getattr(layer, "root_path", "") or self.root_path
            if isinstance(layer, Router):
                self.router = layer


class _Table:
    """The leaves of a router, sorted by what the first segment of a path must be."""

    def __init__(self, router: Router) -> None:
        self._lists = [(routes, list(routes)) for routes in _route_lists(router, set())]
        self._by_segment: dict[str, list[_Leaf]] = {}
        self._others: list[_Leaf] = []
        for route in leaves_of(router.routes):
            self._add(_Leaf(route))

    def is_old(self) -> bool:
        """Whether routes were added or taken away since."""
        return any(routes != known for routes, known in self._lists)

    def candidates(self, path: str) -> Iterable[_Leaf]:
        """The leaves that may match a path, in their order."""
        return self._by_segment.get(path[1:].partition("/")[0], self._others)

    def _add(self, leaf: _Leaf) -> None:
        if leaf.segment is None:
            self._others.append(leaf)
            for leaves in self._by_segment.values():
                leaves.append(leaf)
        else:
            if leaf.segment not in self._by_segment:
                self._by_segment[leaf.segment] = list(self._others)
            self._by_segment[leaf.segment].append(leaf)


class _Leaf:
    """A route, and what is worth knowing of it before it is asked."""

    def __init__(self, route: Any) -> None:
        original = getattr(route, "original_route", route)
        by_path = type(original).matches.__module__ in _MATCH_BY_PATH
        by_path = by_path and not isinstance(original, Host)
        self.route = route
        self.inside = route.app if isinstance(original, Mount | Host) else None
        """The application of a mount or a host."""
        self.regex = route.path_regex if by_path else None
        self.segment = _first_segment(route.path) if by_path else None
        self._targets: dict[str, Target] = {}

    def target(self, method: str) -> Target:
        """What a request with this method meets here."""
        target = self._targets.get(method)
        if target is None:
            target = self._targets[method] = _target(self.route, method)
        return target


def _route_lists(router: Any, seen: set[int]) -> Iterator[list[Any]]:
    """The lists that make up a router's tree: what changes, changes in one of them."""
    if id(router) not in seen:
        seen.add(id(router))
        yield router.routes
        for route in router.routes:
            if (included := getattr(route, "original_router", None)) is not None:
                yield from _route_lists(included, seen)


def _target(route: Any, method: str) -> Target:
    endpoint = getattr(route, "endpoint", None)
    handler = endpoint
    if isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint) and method:
        name = "get" if method == "HEAD" and not hasattr(endpoint, "head") else method.lower()
        handler = getattr(endpoint, name, None)
        if handler is None:
            return UNSERVED
    on = forced(handler)
    return Target(
        forced=forced(endpoint) if on is None else on,
        docs=_is_docs(endpoint),
        needs=needs_of(endpoint) | needs_of(handler) | _needs_declared(route),
        template=getattr(route, "path_format", "") or getattr(route, "path", ""),
    )


def _is_docs(endpoint: Any) -> bool:
    """FastAPI's own pages, whatever their paths; an application's own `/docs` is none of them."""
    return getattr(endpoint, "__module__", "") == "fastapi.applications" and getattr(
        endpoint, "__qualname__", ""
    ).startswith("FastAPI.setup.")


def _needs_declared(route: Any) -> frozenset[str]:
    """What the dependencies of a route say that it needs, those of its routers and app included."""
    found: frozenset[str] = frozenset()
    waiting = [getattr(route, "dependant", None)]
    while waiting:
        if (dependant := waiting.pop()) is not None:
            found |= needs_of(dependant.call)
            waiting.extend(dependant.dependencies)
    return found


def _first_segment(path: str) -> str | None:
    """What every path that a route matches begins with, up to the second slash; None if open."""
    segment = path[1:].partition("/")[0]
    return None if "{" in segment or not path.startswith("/") else segment


def _path_of(scope: Scope) -> str:
    """The path below the root path, cut as Starlette's router cuts it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    if root and path.startswith(root) and path[len(root) :][:1] in ("", "/"):
        return path[len(root) :]
    return path
