"""What type checkers must object to: each line that is marked, and no other."""

from fastapi import FastAPI

from fastapi_maintenance import (
    K8sBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    force_maintenance_mode_off,
    maintenance_mode_on,
    needs,
)
from fastapi_maintenance.testing import maintenance

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, retry_after="soon")  # wrong
app.add_middleware(MaintenanceModeMiddleware, enable="yes")  # wrong
MaintenanceModeMiddleware(app, on_start=1)  # wrong
K8sBackend(app)  # wrong
K8sBackend("orders", source="secret")  # wrong
LocalFileBackend()  # wrong
force_maintenance_mode_off(1)  # wrong
maintenance_mode_on(wait_for="gone")  # wrong
needs(1)  # wrong
maintenance.window(app, mode="Half")  # wrong
