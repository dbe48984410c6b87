"""An API for pages of another origin, with a WebSocket."""

import os

from fastapi import FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware

from fastapi_maintenance import LocalFileBackend, MaintenanceModeMiddleware

backend = LocalFileBackend(os.environ.get("MAINTENANCE_FILE", "maintenance.yaml"), app="orders")

app = FastAPI()
app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:8080"],
    allow_methods=["*"],
    allow_headers=["*"],
    expose_headers=["Retry-After", "X-Maintenance"],  # else the page may not read them
)
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.get("/orders")
def orders() -> list[str]:
    """What was ordered."""
    return ["a book"]


@app.websocket("/prices")
async def prices(socket: WebSocket) -> None:
    """Ends when the gate has closed the connection, since it receives."""
    await socket.accept()
    async for question in socket.iter_text():
        await socket.send_text(f"{question}: 12 €")
