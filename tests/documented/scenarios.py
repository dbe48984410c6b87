"""One program that runs under the published package and under this one, and prints what it saw.

Knows neither of them: it is run by `test_parity` in interpreters that have the one or the other.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.testclient import TestClient

import fastapi_maintenance as package
from fastapi_maintenance import backends

VARIABLE = "FASTAPI_MAINTENANCE_MODE"
WORDS = ["1", "yes", "y", "true", "t", "on", "0", "no", "n", "false", "f", "off", ""]
REQUESTS = [
    ("GET", "/books"),
    ("GET", "/books/7"),
    ("POST", "/books"),
    ("PUT", "/books"),
    ("GET", "/nothing"),
    ("GET", "/always"),
    ("GET", "/always-async"),
    ("GET", "/never"),
    ("GET", "/never-async"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/openapi.json"),
    ("GET", "/docs/oauth2-redirect"),
]

NO_DEFAULT = repr(inspect.Parameter.empty)

Seen = dict[str, Any]


def bookshop(**options: Any) -> FastAPI:
    app = FastAPI()
    off, on = package.force_maintenance_mode_off, package.force_maintenance_mode_on

    async def one(number: int) -> int:
        return number

    async def coroutine() -> str:
        return "served"

    def function() -> str:
        return "served"

    app.get("/books")(function)
    app.get("/books/{number}")(one)
    app.post("/books")(coroutine)
    app.get("/always")(off(function))
    app.get("/always-async")(off(coroutine))
    app.get("/never")(on(function))
    app.get("/never-async")(on(coroutine))
    app.add_middleware(package.MaintenanceModeMiddleware, **options)
    return app


def ask(app: FastAPI, method: str = "GET", path: str = "/books", **more: Any) -> Any:
    answer = TestClient(app).request(method, path, **more)
    media_type = answer.headers.get("content-type", "")
    is_ours = answer.status_code == 503
    return [
        answer.status_code,
        answer.json() if media_type == "application/json" and "openapi" not in path else media_type,
        answer.headers.get("retry-after"),
        answer.text if is_ours else None,
    ]


def ask_all(app: FastAPI) -> Seen:
    return {f"{method} {path}": ask(app, method, path) for method, path in REQUESTS}


def by_argument() -> Seen:
    return {str(value): ask_all(bookshop(enable_maintenance=value)) for value in (True, False)}


def by_environment() -> Seen:
    seen: Seen = {}
    spellings = [*WORDS, "TRUE", "On", " yes ", "oFF"]
    for word in spellings:
        os.environ[VARIABLE] = os.environ["OTHER"] = word
        backend = backends.EnvVarBackend("OTHER")
        seen[word] = [ask(bookshop()), ask(bookshop(backend=backend)), value_of(backend)]
        seen[f"{word}, but an argument"] = ask(bookshop(enable_maintenance=not word))
    del os.environ[VARIABLE], os.environ["OTHER"]
    return {**seen, "none": ask(bookshop())}


def by_configuration() -> Seen:
    """Comes first: in 0.0.5 any middleware with a backend would be meant instead."""
    with tempfile.TemporaryDirectory() as folder:
        package.configure_backend("file", file_path=str(Path(folder, "configured")))
        app = bookshop()
        seen = {"fresh": ask(app)}
        for value in (True, False):
            asyncio.run(package.set_maintenance_mode(value))
            seen[str(value)] = [ask(app), asyncio.run(package.get_maintenance_mode())]
        package.configure_backend("env", var_name="OTHER")
        os.environ["OTHER"] = "on"
        seen["configured anew"] = [ask(app), asyncio.run(package.get_maintenance_mode())]
        del os.environ["OTHER"]
        package.configure_backend("env")
    return seen


def by_file() -> Seen:
    seen: Seen = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, word in enumerate(WORDS):
            file = Path(folder, str(number))
            file.write_text(word)
            backend = backends.LocalFileBackend(file_path=str(file))
            seen[word] = [ask(bookshop(backend=backend)), value_of(backend)]
        fresh = backends.LocalFileBackend(str(Path(folder, "fresh")))
        seen["missing"] = [ask(bookshop(backend=fresh)), value_of(fresh)]
        app = bookshop(backend=fresh)
        for value in (True, False):
            asyncio.run(package.set_maintenance_mode(value, fresh))
            seen[f"written {value}"] = [ask(app), Path(folder, "fresh").read_text().strip()]
    return seen


def value_of(backend: Any) -> Any:
    return [asyncio.run(package.get_maintenance_mode(backend)), asyncio.run(backend.get_value())]


class Own(backends.BaseStateBackend):
    def __init__(self, value: bool) -> None:
        self.value = value
        self.calls: list[str] = []

    async def get_value(self) -> bool:
        self.calls.append("get")
        return self.value

    async def set_value(self, value: bool) -> None:
        self.calls.append(f"set {value}")
        self.value = value


def by_own_backend() -> Seen:
    seen: Seen = {}
    for value in (True, False):
        own = Own(value)
        seen[str(value)] = [ask(bookshop(backend=own)), value_of(own), own.calls]
    return seen


def blocks() -> Seen:
    seen: Seen = {}

    async def run(name: str, backend: Any, app: FastAPI) -> None:
        async with package.maintenance_mode_on(backend):
            seen[f"{name}, inside"] = [ask(app), await backend.get_value(), own_calls(backend)]
            with suppress(ZeroDivisionError):
                async with package.maintenance_mode_on(backend=backend):
                    _ = 1 / 0
            seen[f"{name}, after an inner one"] = ask(app)
        seen[f"{name}, after"] = [ask(app), await backend.get_value()]

    with tempfile.TemporaryDirectory() as folder:
        for value in (True, False):
            own, file = Own(value), backends.LocalFileBackend(str(Path(folder, str(value))))
            asyncio.run(file.set_value(value))
            for name, backend in (("own", own), ("file", file)):
                asyncio.run(run(f"{name} {value}", backend, bookshop(backend=backend)))
    return seen


def own_calls(backend: Any) -> Any:
    return [call for call in getattr(backend, "calls", []) if call.startswith("set")]


def handlers() -> Seen:
    def exempts(request: Request) -> bool:
        return request.headers.get("x-key") == "1"

    async def exempts_async(request: Request) -> bool:
        return exempts(request)

    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(f"closed: {request.url.path}", 503, {"Retry-After": "60"})

    async def json_async(request: Request) -> JSONResponse:
        return JSONResponse({"closed": request.method}, 418)

    seen: Seen = {}
    given: list[Seen] = [
        {"exempt_handler": exempts},
        {"exempt_handler": exempts_async},
        {"response_handler": page},
        {"response_handler": json_async},
        {"exempt_handler": exempts, "response_handler": json_async},
    ]
    for number, options in enumerate(given):
        app = bookshop(enable_maintenance=True, **options)
        for path in ("/books", "/never", "/always", "/nothing"):
            for key in ("0", "1"):
                seen[f"{number} {path} {key}"] = ask(app, path=path, headers={"x-key": key})
    return seen


def names() -> Seen:
    base = backends.BaseStateBackend
    callables: list[Callable[..., Any]] = [
        package.MaintenanceModeMiddleware,
        package.configure_backend,
        package.get_maintenance_mode,
        package.set_maintenance_mode,
        package.force_maintenance_mode_on,
        package.force_maintenance_mode_off,
        package.maintenance_mode_on,
        backends.EnvVarBackend,
        backends.LocalFileBackend,
        base.get_value,
        base.set_value,
        base._str_to_bool,
        base._bool_to_str,
    ]
    return {
        "package": sorted(package.__all__),
        "backends": sorted(backends.__all__),
        "signatures": {function.__qualname__: parameters(function) for function in callables},
        "coroutines": [inspect.iscoroutinefunction(function) for function in callables],
    }


def parameters(function: Callable[..., Any]) -> list[list[str]]:
    """Name, kind and default of each, those that can be given by name alone apart."""
    return [
        [parameter.name, parameter.kind.name, repr(parameter.default)]
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]


def words() -> Seen:
    base = backends.BaseStateBackend
    seen: Seen = {repr(value): base._bool_to_str(value) for value in (True, False)}
    for word in [*WORDS, "TRUE", " on\n", "maybe", "2", "none"]:
        try:
            seen[word] = base._str_to_bool(word)
        except ValueError:
            seen[word] = "ValueError"
    return seen


def errors() -> Seen:
    try:
        package.configure_backend("carrier-pigeon")
    except Exception as error:
        return {"type": type(error).__name__}
    return {}


def routers() -> Seen:
    """A method that is forced, a router of a prefix, an endpoint with a docstring and arguments."""
    router = APIRouter(prefix="/shop")

    @router.get("/orders/{number}")
    @package.force_maintenance_mode_off
    async def order(number: int, wish: str = "none") -> dict[str, Any]:
        """One order."""
        return {"number": number, "wish": wish}

    app = FastAPI()
    app.include_router(router)
    schema = app.openapi()["paths"]["/shop/orders/{number}"]["get"]
    return {
        "name": order.__name__,
        "doc": order.__doc__,
        "parameters": [parameter["name"] for parameter in schema["parameters"]],
        "marks": [vars(order)[f"force_maintenance_mode_{word}"] for word in ("off", "on")],
        "asked": ask(app, path="/shop/orders/7?wish=red"),
    }


SCENARIOS = (
    by_configuration,
    by_argument,
    by_environment,
    by_file,
    by_own_backend,
    blocks,
    handlers,
    names,
    words,
    errors,
    routers,
)


def main() -> None:
    """Print all that was seen, as JSON."""
    logging.disable()
    warnings.simplefilter("ignore")
    os.environ.pop(VARIABLE, None)
    seen = {scenario.__name__: scenario() for scenario in SCENARIOS}
    json.dump({"package": str(package.__file__), "seen": seen}, sys.stdout)


if __name__ == "__main__":
    main()
