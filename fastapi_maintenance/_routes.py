"""Which route would serve a request, asked without calling it.

An unknown path must stay a 404 and a wrong method a 405 during maintenance, and decorators, docs
and declared needs belong to one route. The answer is the router's own: its routes in their order,
matched with the real scope, into mounts and hosts with the scope that those would get. What can't
be told counts as served, so that it is refused and not let through.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from starlette._utils import get_route_path
from starlette.applications import Starlette
from starlette.convertors import FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import PARAM_REGEX, Host, Match, Mount, Router, compile_path
from starlette.types import ASGIApp, Scope

from fastapi_maintenance.decorators import forced, needs_of

from ._layers import layers, leaves_of

# Where methods are defined that do what is known of them.
_OWN = frozenset({"starlette.routing", "fastapi.routing"})

# What they match has no slash.
_SHORT = {StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor}

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


class Routes:
    """The routes behind an application; what is worked out is kept until they change."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._begins: dict[int, tuple[Any, Starlette | Router | None]] = {}
        self._tables: dict[int, _Table] = {}
        self._has_warned = False

    def target(self, scope: Scope) -> Target:
        """What this request would meet; never fails."""
        try:
            found = self._enter(self._app, scope)
            app = scope.get("app") if found is None else None
            if isinstance(app, Starlette) and app in layers(scope.get("endpoint", app)):
                found = self._enter(app.router, scope)  # a middleware hides what it wraps
        except Exception:
            if not self._has_warned:
                self._has_warned = True
                logger.warning("can't tell what serves %r", scope.get("path"), exc_info=True)
            return OPAQUE
        return found or OPAQUE

    def _enter(self, app: Any, scope: Scope) -> Target | None:
        if id(app) not in self._begins:
            begins = (layer for layer in layers(app) if isinstance(layer, Starlette | Router))
            self._begins[id(app)] = app, next(begins, None)  # kept: its identity stays its own
        _, begin = self._begins[id(app)]
        if not isinstance(begin, Starlette):
            return None if begin is None else self._route(begin, scope)
        root_path = getattr(begin, "root_path", "")
        return self._route(begin.router, {**scope, "root_path": root_path} if root_path else scope)

    def _route(self, router: Any, scope: Scope) -> Target:
        table = self._tables.get(id(router))
        if table is None or table.is_old():
            table = self._tables[id(router)] = _Table(router)
        path, partial = get_route_path(scope), None
        for _, leaf in table.candidates(path):
            if leaf.regex is not None and leaf.regex.match(path) is None:
                continue
            match, child = leaf.matches(scope if leaf.regex is not None else dict(scope))
            if match is Match.FULL:
                return self._meet(scope, leaf, child)
            if match is Match.PARTIAL and partial is None:
                partial = leaf, child
        if any(tree.matches(dict(scope))[0] is Match.FULL for tree in table.trees):
            return OPAQUE  # included routers know of a route that the table does not
        return self._meet(scope, *partial) if partial else self._no_route(router, scope, path)

    def _meet(self, scope: Scope, leaf: _Leaf, child: Scope) -> Target:
        if leaf.is_tree:
            leaf, child = _chosen(leaf.route, dict(scope))
        if leaf.inside is not None:
            return self._enter(leaf.inside, {**scope, **child}) or OPAQUE
        return leaf.target(scope.get("method", ""))

    def _no_route(self, router: Any, scope: Scope, path: str) -> Target:
        """A path that no route explains may still be served: by a frontend, or a default."""
        is_404 = getattr(router.default, "__func__", None) is Router.not_found
        late = getattr(router, "_iter_low_priority_routes", None)
        is_known = (late or not hasattr(router, "frontend")) and _is_own(router, "app", "__call__")
        asked = [(r.matches(dict(scope))[0], r) for r in (late() if late else ())]
        frontends = [route for match, route in asked if match is Match.FULL]
        if (is_known and is_404 and not frontends) or _is_redirected(router, scope, path):
            return UNSERVED
        if frontends:
            return Target(needs=frozenset().union(*map(_needs_declared, frontends)))
        return (is_known and self._enter(router.default, scope)) or OPAQUE


class _Table:
    """The leaves of a router, each filed under the rarest word that its paths must have."""

    def __init__(self, router: Any) -> None:
        routers = (router, *_included(router.routes))
        self._known = [(each, list(each.routes), _version(each)) for each in routers]
        self.trees: list[Any] = []  # the included routers
        leaves: list[_Leaf] = []
        for route in router.routes:
            own = list(leaves_of([route]))
            if len(own) == 1 and _original(own[0]) is route:
                leaves.append(_Leaf(own[0]))
                continue
            self.trees.append(route)
            inner = [_is_own(each, "matches", "handle") for each in _included([route])]
            as_usual = inner and all((*inner, *(_is_own(_original(x), "matches") for x in own)))
            leaves += map(_Leaf, own) if as_usual else [_Leaf(route, is_tree=True)]
        count = Counter(word for leaf in leaves for word in leaf.words)
        self._leaves = list(enumerate(leaves))
        self._filed: dict[tuple[int, str] | None, list[tuple[int, _Leaf]]] = {None: []}
        for number, leaf in self._leaves:
            rarest = min(leaf.words, key=count.__getitem__, default=None)
            self._filed.setdefault(rarest, []).append((number, leaf))
        self._depth = 1 + max((place for place, _ in count), default=0)

    def is_old(self) -> bool:
        """Whether routes were added or taken away since."""
        return any(r.routes != routes or _version(r) != v for r, routes, v in self._known)

    def candidates(self, path: str) -> list[tuple[int, _Leaf]]:
        """The leaves that may match a path, numbered in their order."""
        if path[-1:] == "\n":
            return self._leaves  # since `$` matches before it
        found = self._filed[None].copy()
        for word in enumerate(path.split("/", self._depth)):
            if word in self._filed:
                found += self._filed[word]
        found.sort()
        return found


class _Leaf:
    """A route, and what is worth knowing of it before it is asked."""

    def __init__(self, route: Any, *, is_tree: bool = False) -> None:
        original = _original(route)
        self.route = getattr(route, "starlette_route", None) or route
        self.is_tree = is_tree
        self.matches: Any = getattr(self.route, "matches", None)
        by_path = _is_own(original, "matches") and not is_tree and not isinstance(original, Host)
        self.regex: Any = getattr(self.route, "path_regex", None) if by_path else None
        """What a path must match, where nothing else can make the route match."""
        self.words = _words_of(self.route, self.regex)
        handle = _is_own(original, "handle")
        self.inside: Any = self.route.app if handle and isinstance(original, Mount | Host) else None
        self._methods = getattr(self.route, "methods", None) if handle else None
        self._endpoint = getattr(self.route, "endpoint", None)
        self._targets: dict[str, Target] = {}

    def target(self, method: str) -> Target:
        """What a request with this method meets here."""
        if method and self._methods and method not in self._methods:
            return UNSERVED
        handler = endpoint = self._endpoint
        name = ""
        if method and isinstance(endpoint, type) and (base := _base_of(endpoint)) is not None:
            name = "get" if method == "HEAD" and not hasattr(endpoint, "head") else method.lower()
            handler = getattr(endpoint, name, None)
            if handler is None:
                deciding = ("__await__", "dispatch", "method_not_allowed")
                as_usual = all(getattr(endpoint, n) is getattr(base, n) for n in deciding)
                return UNSERVED if as_usual else OPAQUE
        if name not in self._targets:
            self._targets[name] = _target(self.route, endpoint, handler)
        return self._targets[name]


def _base_of(endpoint: type) -> type | None:
    """Starlette's class of endpoints; None where this is none. Who has one has imported it."""
    base = getattr(sys.modules.get("starlette.endpoints"), "HTTPEndpoint", None)
    return base if base is not None and issubclass(endpoint, base) else None


def _target(route: Any, endpoint: Any, handler: Any) -> Target:
    said = {forced(endpoint), forced(handler)}
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


def _original(leaf: Any) -> Any:
    """The route as it was declared, in whatever router."""
    return getattr(leaf, "original_route", leaf)


def _version(router: Any) -> Any:
    """What FastAPI counts up before it looks at routes anew."""
    return getattr(router, "_routes_version", None)


def _included(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield router
            yield from _included(router.routes)


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


def _words_of(route: Any, regex: Any) -> list[tuple[int, str]]:
    """The segments, with their places, of every path that a route matches."""
    path = getattr(route, "path", None)
    if regex is None or not isinstance(path, str) or not path.startswith("/"):
        return []
    path += "/{path:path}" if isinstance(_original(route), Mount) else ""
    usual, _, convertors = compile_path(path)
    if usual != regex:  # as when somebody made it ignore case
        return []
    words = []
    for place, segment in enumerate(path.split("/")):
        if "{" not in segment:
            words.append((place, segment))
        elif any(type(convertors[x]) not in _SHORT for x, _ in PARAM_REGEX.findall(segment)):
            break  # from here on, places are unknown
    return words
