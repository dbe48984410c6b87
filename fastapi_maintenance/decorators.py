"""What a route says about itself: always or never in maintenance, and what it needs."""

# No postponed annotations: FastAPI reads those of `Needs.__call__`, an object's, as they stand.
import contextlib
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar, overload

from starlette.requests import HTTPConnection

from fastapi_maintenance import _gates

logger = logging.getLogger(__name__)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_ON = "force_maintenance_mode_on"
_OFF = "force_maintenance_mode_off"
_NEEDS = "maintenance_needs"


@overload
def force_maintenance_mode_on(func: Endpoint) -> Endpoint: ...
@overload
def force_maintenance_mode_on() -> Callable[[Endpoint], Endpoint]: ...
def force_maintenance_mode_on(func: Callable[..., Any] | None = None) -> Any:
    """Refuse this route always, whether maintenance is on or not.

    Stands below the route's own decorator, with or without parentheses. On a class-based endpoint
    it means all methods, on one of its methods that one. It wins over
    `force_maintenance_mode_off`.
    """
    _gates.force()
    return functools.partial(_forced, True) if func is None else _forced(True, func)


@overload
def force_maintenance_mode_off(func: Endpoint) -> Endpoint: ...
@overload
def force_maintenance_mode_off() -> Callable[[Endpoint], Endpoint]: ...
def force_maintenance_mode_off(func: Callable[..., Any] | None = None) -> Any:
    """Serve this route always, whether maintenance is on or not."""
    return functools.partial(_forced, False) if func is None else _forced(False, func)


class Needs:
    """Names of what a route needs; a decorator and a dependency. Made by `needs`."""

    def __init__(self, names: frozenset[str]) -> None:
        self.maintenance_needs = names
        self._warned = False
        # FastAPI looks here whether a dependency is async; a plain one would cost a thread.
        self.__call__ = self._as_dependency  # type: ignore[method-assign, assignment]

    @overload
    def __call__(self, connection: HTTPConnection) -> None: ...
    @overload
    def __call__(self, connection: Endpoint) -> Endpoint: ...
    def __call__(self, connection: HTTPConnection) -> Any:  # type: ignore[misc]
        """As a dependency, tell when there is no gate; as a decorator, mark the route."""
        if not isinstance(connection, HTTPConnection):
            return _marked({_NEEDS: self.maintenance_needs | needs_of(connection)}, connection)
        return self._as_dependency(connection)

    async def _as_dependency(self, connection: HTTPConnection) -> None:
        if _gates.current_gate() is None and not self._warned:
            self._warned = True
            logger.warning(
                "%r needs %s, but no MaintenanceModeMiddleware is around it: no window stops it",
                connection.scope.get("path"),
                ", ".join(sorted(self.maintenance_needs)),
            )


def needs(*dependencies: str) -> Needs:
    """Say what a route needs, so that a window can refuse just those that need it.

    ``@needs("orders-db")`` below the route's decorator, or ``Depends(needs("orders-db"))`` on a
    route, router or application. A window with ``match.dependencies: [orders-db]`` refuses them.

    Args:
        dependencies: names, as windows write them.

    Raises:
        TypeError: a name is none, as when the parentheses were forgotten.
    """
    if not dependencies or not all(isinstance(name, str) and name for name in dependencies):
        raise TypeError('needs takes names of dependencies: write @needs("orders-db")')
    _gates.track()  # else the dependency could not tell that there is no gate
    return Needs(frozenset(dependencies))


def forced(endpoint: Any) -> bool | None:
    """What the decorators of an endpoint say: True for on, False for off, None for nothing."""
    endpoint = _unwrapped(endpoint)
    if getattr(endpoint, _ON, False) is True:
        return True
    return False if getattr(endpoint, _OFF, False) is True else None


def needs_of(endpoint: Any) -> frozenset[str]:
    """What an endpoint or a dependency says that it needs."""
    names = getattr(_unwrapped(endpoint), _NEEDS, None)
    return names if isinstance(names, frozenset) else frozenset()


def _unwrapped(endpoint: Any) -> Any:
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return endpoint


def _forced(on: bool, func: Any) -> Any:
    on = on or forced(func) is True  # which wins, in whatever order they stand
    return _marked({_ON: on, _OFF: not on}, func)


def _marked(marks: dict[str, Any], func: Any) -> Any:
    """A twin of a function, or of a class, that bears marks: the original may serve elsewhere."""
    if isinstance(func, type):
        return type(func)(func.__name__, (func,), {"__module__": func.__module__, **marks})
    twin: Any = functools.wraps(func)(_twin(func))
    twin.__dict__.update(marks)
    with contextlib.suppress(Exception):  # older FastAPI would look for postponed names here
        twin.__signature__ = inspect.signature(func, eval_str=True)
    return twin


def _twin(func: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does the same and is of the same kind, which frameworks look at."""
    called = _unwrapped(func)
    awaited = inspect.iscoroutinefunction(getattr(called, "__call__", None))  # noqa: B004
    if inspect.iscoroutinefunction(called) or awaited:

        async def answer(*args: Any, **kwargs: Any) -> Any:
            return await func(*args, **kwargs)

        return answer
    if inspect.isasyncgenfunction(called):

        async def yield_each(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async with contextlib.aclosing(func(*args, **kwargs)) as items:
                async for item in items:
                    yield item

        return yield_each
    if inspect.isgeneratorfunction(called):

        def yield_all(*args: Any, **kwargs: Any) -> Iterator[Any]:
            yield from func(*args, **kwargs)

        return yield_all

    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return call
