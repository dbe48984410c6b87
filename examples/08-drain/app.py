"""An application on your machine that follows a cluster, and says there what it still does."""

import asyncio

from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware

backend = K8sBackend("orders", report=True)  # in a Pod: K8sBackend("orders")

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.get("/orders")
async def orders() -> list[str]:
    """What was ordered."""
    return ["a book"]


@app.get("/export/{seconds}")
async def export(seconds: float) -> str:
    """A slow request: one that was let in before a window opened holds its drain."""
    await asyncio.sleep(seconds)
    return "all orders"
