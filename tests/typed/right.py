"""Every public name, used as the documentation says: no type checker may object."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, assert_type

from fastapi import Depends, FastAPI, Request
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from fastapi_maintenance import (
    BackendNotConfigured,
    BaseStateBackend,
    EnvVarBackend,
    K8sBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    MaintenanceState,
    StateNotWritten,
    configure_backend,
    force_maintenance_mode_off,
    force_maintenance_mode_on,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
    maintenance_state,
    needs,
    set_maintenance_mode,
)
from fastapi_maintenance.testing import maintenance


class Remembered(BaseStateBackend):
    poll_interval = 5.0

    def __init__(self) -> None:
        self.value = False

    async def get_value(self) -> bool:
        return self.value

    async def set_value(self, value: bool) -> None:
        self.value = self._str_to_bool(self._bool_to_str(value))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    async with maintenance_mode_on():
        pass
    yield


def plain_exemption(request: Request) -> bool:
    return request.url.path == "/status"


async def exemption(request: HTTPConnection) -> bool:
    return bool(request.headers)


async def answer(request: Request) -> Response:
    return JSONResponse({"path": request.url.path}, 503)


async def pause() -> None: ...


app = FastAPI(lifespan=lifespan)
configure_backend("file", file_path="maintenance.yaml")
app.add_middleware(MaintenanceModeMiddleware)
app.add_middleware(MaintenanceModeMiddleware, backend=EnvVarBackend(var_name="OFFLINE"))
app.add_middleware(
    MaintenanceModeMiddleware,
    enable_maintenance=None,
    backend=[LocalFileBackend("break-glass", app="orders"), K8sBackend("orders"), Remembered()],
    exempt_handler=exemption,
    response_handler=answer,
    retry_after=600,
    health_paths=["/healthz"],
    exempt_paths=["/status"],
    exempt_cidrs=["10.0.0.0/8"],
    trusted_proxies=("10.0.0.1/32",),
    bypass_token_hashes={"0" * 64},
    read_only=True,
    html_template="<h1>$message</h1>",
    on_start=pause,
    on_end=[pause, lambda: print("back")],
)
app.add_middleware(
    MaintenanceModeMiddleware,
    exempt_handler=plain_exemption,
    response_handler=lambda request: Response(status_code=503),
)


@app.get("/orders/{number}")
@force_maintenance_mode_off
async def order(number: int) -> str:
    return str(number)


@app.get("/export")
@force_maintenance_mode_on()
@needs("orders-db")
def export() -> bytes:
    return b""


@app.get("/mode", dependencies=[Depends(needs("orders-db", "billing"))])
async def mode(state: Annotated[MaintenanceState, Depends(maintenance_state)]) -> bool:
    assert_type(state.active, bool)
    return await get_maintenance_mode()


@maintenance_mode_on(Remembered(), wait_for="drained", timeout=30)
async def migrate(table: str) -> int:
    return len(table)


async def use() -> None:
    assert_type(await order(1), str)
    assert_type(export(), bytes)
    assert_type(await migrate("orders"), int)
    with maintenance_mode_off():
        await set_maintenance_mode(True, backend=Remembered())
    with maintenance.on(app), maintenance.window(app, mode="ReadOnly", paths=["/orders/*"]):
        try:
            async with maintenance_mode_on("env" and EnvVarBackend()):
                pass
        except (StateNotWritten, BackendNotConfigured, TimeoutError):
            pass
