"""A shop where people can look while the database moves."""

from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware, needs

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=K8sBackend(app="orders"))


@app.get("/orders")
def orders() -> list[str]:
    """What was ordered."""
    return ["a book"]


@app.post("/orders")
@needs("orders-db")
def order() -> str:
    """Order a book."""
    return "ordered"


@app.get("/healthz")
def healthz() -> str:
    """What the kubelet asks."""
    return "alive"
