"""Maintenance in a cluster: in a Pod, K8sBackend needs to be told nothing but the app's name."""

from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=K8sBackend(app="orders"))


@app.get("/orders")
def orders() -> list[str]:
    """What was ordered."""
    return ["a book"]
