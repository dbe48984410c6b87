"""Which route would serve a request, asked without calling it.

An unknown path must stay a 404 and a wrong method a 405 during maintenance, and decorators, docs
and declared needs belong to one route. The answer is the router's own: its routes in their order,
matched with the real scope, into mounts and hosts with the scope that those would get. What can't
be told counts as served, so that it is refused and not let through.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from starlette import routing
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Host, Match, Mount, Router, compile_path
from starlette.types import ASGIApp, Scope

from fastapi_maintenance.decorators import forced, needs_of

# What is defined here does what is known of it.
_OWN = frozenset({"starlette.routing", "fastapi.routing"})

_MOST_LAYERS = 100

logger = logging.getLogger(__name__)


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
    listing = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
    leaves: Iterable[Any] = listing(routes)
    return leaves


class Routes:
    """The routes behind an application; what is worked out is kept until they change."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # With what is known by its identity, so that this stays its own.
        self._begins: dict[int, tuple[Any, Starlette | Router | None]] = {}
        self._tables: dict[int, _Table] = {}
        self._has_warned = False

    def target(self, scope: Scope) -> Target:
        """What this request would meet; never fails."""
        try:
            found = self._enter(self._app, scope)
            if found is None and (app := _app_around(scope)) is not None:
                found = self._enter(app.router, scope)  # a middleware hides what it wraps
        except Exception:
            if not self._has_warned:
                self._has_warned = True
                logger.warning(
                    "can't tell which route serves %s, so it counts as served",
                    scope.get("path"),
                    exc_info=True,
                )
            return OPAQUE
        return found or OPAQUE

    def _enter(self, app: Any, scope: Scope) -> Target | None:
        if id(app) not in self._begins:
            begins = (layer for layer in layers(app) if isinstance(layer, Starlette | Router))
            self._begins[id(app)] = app, next(begins, None)
        _, begin = self._begins[id(app)]
        if not isinstance(begin, Starlette):
            return None if begin is None else self._route(begin, scope)
        root_path = getattr(begin, "root_path", "")
        return self._route(begin.router, {**scope, "root_path": root_path} if root_path else scope)

    def _route(self, router: Any, scope: Scope) -> Target:
        table = self._tables.get(id(router))
        if table is None or table.is_old():
            table = self._tables[id(router)] = _Table(router)
        path, partial = _route_path(scope), None
        for leaf in table.candidates(path):
            if leaf.regex is not None and leaf.regex.match(path) is None:
                continue
            match, child = leaf.matches(scope if leaf.regex is not None else dict(scope))
            if match is Match.FULL:
                return self._meet(leaf, scope, child)
            if match is Match.PARTIAL and partial is None:
                partial = leaf, child
        if any(tree.matches(dict(scope))[0] is Match.FULL for tree in table.trees):
            return OPAQUE  # included routers know of a route that the table does not
        if partial is not None:
            return self._meet(partial[0], scope, partial[1])
        return self._without_a_route(router, scope, path)

    def _meet(self, leaf: _Leaf, scope: Scope, child: Scope) -> Target:
        if leaf.is_tree:
            leaf, child = _chosen(leaf.route, dict(scope))
        if leaf.inside is not None:
            return self._enter(leaf.inside, {**scope, **child}) or OPAQUE
        return leaf.target(scope.get("method", ""))

    def _without_a_route(self, router: Any, scope: Scope, path: str) -> Target:
        """A path that no route explains may still be served: by a frontend, or a default."""
        has_default = getattr(router.default, "__func__", None) is not Router.not_found
        late = getattr(router, "_iter_low_priority_routes", None)
        routes_alone = _is_own(router, "app", "__call__") and (
            late or not hasattr(router, "frontend")
        )
        matching = [(r.matches(dict(scope))[0], r) for r in (late() if late else ())]
        frontends = [route for match, route in matching if match is Match.FULL]
        if routes_alone and not (has_default or frontends):
            return UNSERVED
        if _is_redirected(router, scope, path):
            return UNSERVED
        if frontends:
            return Target(needs=frozenset().union(*map(_needs_declared, frontends)))
        default = self._enter(router.default, scope) if has_default and routes_alone else None
        return default or OPAQUE


class _Table:
    """The leaves of a router, sorted by what a path must begin and end with."""

    def __init__(self, router: Any) -> None:
        routers = (router, *_included(router.routes))
        self._lists = [(each.routes, list(each.routes)) for each in routers]
        self._leaves: list[_Leaf] = []
        self.trees: list[Any] = []
        """The included routers."""
        for route in router.routes:
            leaves = list(leaves_of([route]))
            if len(leaves) == 1 and _original(leaves[0]) is route:
                self._leaves.append(_Leaf(leaves[0]))
            else:
                self.trees.append(route)
                is_known = _is_known_tree(route, leaves)
                self._leaves += map(_Leaf, leaves) if is_known else [_Leaf(route, is_tree=True)]
        firsts = _Words((leaf.first, leaf) for leaf in self._leaves)
        self._others = _Words((leaf.last, leaf) for leaf in firsts.others)
        self._firsts = {
            word: _Words((leaf.last, leaf) for leaf in leaves)
            for word, leaves in firsts.known.items()
        }

    def is_old(self) -> bool:
        """Whether routes were added or taken away since."""
        return any(routes != known for routes, known in self._lists)

    def candidates(self, path: str) -> list[_Leaf]:
        """The leaves that may match a path, in their order."""
        if path[-1:] == "\n":
            return self._leaves  # since `$` matches before it
        lasts = self._firsts.get(path[1:].partition("/")[0], self._others)
        return lasts.known.get(path.rpartition("/")[2], lasts.others)


class _Words:
    """Leaves in their order, for each word that may stand in one place of a path."""

    def __init__(self, leaves: Iterable[tuple[str | None, _Leaf]]) -> None:
        self.known: dict[str, list[_Leaf]] = {}
        self.others: list[_Leaf] = []
        for word, leaf in leaves:
            if word is not None:
                self.known.setdefault(word, list(self.others)).append(leaf)
            else:  # any word may stand there
                for fitting in (self.others, *self.known.values()):
                    fitting.append(leaf)


class _Leaf:
    """A route, and what is worth knowing of it before it is asked."""

    def __init__(self, route: Any, *, is_tree: bool = False) -> None:
        original = _original(route)
        self.route = getattr(route, "starlette_route", None) or route
        self.is_tree = is_tree
        self.matches: Any = getattr(self.route, "matches", None)
        self.regex: Any = None
        """What a path must match, where nothing else can make the route match."""
        if _is_own(original, "matches") and not is_tree and not isinstance(original, Host):
            self.regex = getattr(self.route, "path_regex", None)
        self.first, self.last = _words_of(self.route, self.regex)
        handles_as_usual = _is_own(original, "handle")
        self._methods = getattr(self.route, "methods", None) if handles_as_usual else None
        self.inside: Any = None
        """The application of a mount or a host."""
        if isinstance(original, Mount | Host) and handles_as_usual:
            self.inside = self.route.app
        self._targets: dict[str, Target] = {}

    def target(self, method: str) -> Target:
        """What a request with this method meets here."""
        if method and self._methods and method not in self._methods:
            return UNSERVED
        endpoint = getattr(self.route, "endpoint", None)
        handler, name = endpoint, ""
        if method and isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint):
            name = "get" if method == "HEAD" and not hasattr(endpoint, "head") else method.lower()
            handler = getattr(endpoint, name, None)
            if handler is None:
                return UNSERVED if _dispatches_as_usual(endpoint) else OPAQUE
        target = self._targets.get(name)
        if target is None:
            target = self._targets[name] = _target(self.route, endpoint, handler)
        return target


def _target(route: Any, endpoint: Any, handler: Any) -> Target:
    said = (forced(endpoint), forced(handler))
    defined = f"{getattr(endpoint, '__module__', '')}:{getattr(endpoint, '__qualname__', '')}"
    return Target(
        forced=True if True in said else False if False in said else None,
        docs=defined.startswith("fastapi.applications:FastAPI.setup."),
        needs=needs_of(endpoint) | needs_of(handler) | _needs_declared(route),
        template=getattr(route, "path_format", "") or getattr(route, "path", ""),
    )


def _needs_declared(route: Any) -> frozenset[str]:
    """What the dependencies of a route say that it needs, those of its routers and app included."""
    found: frozenset[str] = frozenset()
    waiting = [getattr(route, "dependant", None)]
    while waiting:
        if (dependant := waiting.pop()) is not None:
            found |= needs_of(dependant.call)
            waiting.extend(dependant.dependencies)
    return found


def _is_own(of: Any, *methods: str) -> bool:
    """Whether these methods are Starlette's or FastAPI's, and nobody has put others in place."""
    return all(getattr(getattr(of, m, None), "__module__", "") in _OWN for m in methods)


def _dispatches_as_usual(endpoint: type[HTTPEndpoint]) -> bool:
    """Whether a class answers 405 to a method that it has not."""
    names = ("__await__", "dispatch", "method_not_allowed")
    return all(getattr(endpoint, name) is getattr(HTTPEndpoint, name) for name in names)


def _original(leaf: Any) -> Any:
    """The route as it was declared, in whatever router."""
    return getattr(leaf, "original_route", leaf)


def _included(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield router
            yield from _included(router.routes)


def _is_known_tree(tree: Any, leaves: list[Any]) -> bool:
    """Whether an included router serves just what its leaves match."""
    routers = list(_included([tree]))
    as_usual = all(_is_own(router, "matches", "handle") for router in routers)
    return bool(routers) and as_usual and all(_is_own(_original(x), "matches") for x in leaves)


def _chosen(tree: Any, scope: Scope) -> tuple[_Leaf, Scope]:
    """What an included router chooses that matches in a way of its own."""
    context, child = None, {}
    while context is None and (choose := getattr(tree, "_match", None)) is not None:
        _, child, tree, context = choose(scope)
    return _Leaf(context or tree), child


def _is_redirected(router: Router, scope: Scope, path: str) -> bool:
    if scope["type"] != "http" or not router.redirect_slashes or path == "/":
        return False
    other = scope["path"].rstrip("/") if path.endswith("/") else scope["path"] + "/"
    there = {**scope, "path": other}
    return any(route.matches(there)[0] is not Match.NONE for route in router.routes)


def _words_of(route: Any, regex: Any) -> tuple[str | None, str | None]:
    """What the first and the last segment must be of every path that a route matches."""
    path = getattr(route, "path", None)
    if regex is None or not isinstance(path, str) or not path.startswith("/"):
        return None, None
    path += "/{path:path}" if isinstance(_original(route), Mount) else ""
    if compile_path(path)[0] != regex:  # as when somebody made it ignore case
        return None, None
    words = path[1:].partition("/")[0], path.rpartition("/")[2]
    return words[0] if "{" not in words[0] else None, words[1] if "{" not in words[1] else None


def _app_around(scope: Scope) -> Starlette | None:
    """The application in whose middlewares a gate stands."""
    app = scope.get("app")
    is_here = any(layer is app for layer in layers(scope.get("endpoint", app)))
    return app if is_here and isinstance(app, Starlette) else None


def _path_below(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    below = path.removeprefix(root)
    return below if below[:1] in ("", "/") else path


# The path below the root path, cut as the router cuts it.
_route_path = getattr(routing, "get_route_path", _path_below)
