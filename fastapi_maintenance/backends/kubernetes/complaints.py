"""What is wrong, said once, with the command that mends it."""

from __future__ import annotations

import logging
import re

from .reflector import Failure
from .transport import Unreachable

APPLICATION_ROLE = "fastapi-maintenance-application"
WRITER_ROLE = "fastapi-maintenance-writer"
_BINDINGS = {APPLICATION_ROLE: "maintenance", WRITER_ROLE: "maintenance-writer"}

_SERVICE_ACCOUNT = re.compile(r'User "system:serviceaccount:([^:"]+):([^"]+)"')

_NO_CRD = "the CRD MaintenanceWindow is not installed here: kubectl apply -f crds/"

logger = logging.getLogger(__name__)


class Complaints:
    """Logs a failure when it begins and when it is over, not once a try."""

    def __init__(self, source: str) -> None:
        self.current: str | None = None
        self._kind: object = None
        self._source = source

    def complain(self, error: Failure) -> None:
        """Note a failure; log it unless the same kind of failure was logged last."""
        self.current = f"{error}"
        kind = getattr(error, "status", None) or type(error)
        if kind != self._kind:
            self._kind = kind
            logger.error("%s; what is known stays in force", explain(error, self._source))

    def settle(self) -> None:
        """All is well (again)."""
        if self._kind is not None:
            logger.info("the API server answers again")
        self.current = self._kind = None


def explain(error: Failure, source: str) -> str:
    """A failure in words that name the mend."""
    if isinstance(error, Unreachable):
        return f"the API server can't be reached ({error}), trying again"
    if error.status == 401:
        return f"the API server does not accept this process's token ({error.message})"
    if error.status == 403:
        return _missing_right(error.message, APPLICATION_ROLE)
    if error.status == 404 and source == "maintenancewindow":
        return _NO_CRD
    return f"the API server answered {error}, trying again"


def explain_write(error: Failure, *, of_window: bool) -> str:
    """Why nothing was written, in words that name the mend."""
    if isinstance(error, Unreachable):
        return f"the API server can't be reached ({error}); try again once it can"
    if error.status == 403:
        return _missing_right(error.message, WRITER_ROLE)
    if error.status == 404 and of_window:
        return _NO_CRD
    return f"the API server answered {error}"


def _missing_right(message: str, role: str) -> str:
    return f"a right is missing: {message}; {_grant(message, role)}"


def _grant(message: str, role: str) -> str:
    """The command that grants a service account a role."""
    match = _SERVICE_ACCOUNT.search(message)
    namespace, name = match.groups() if match else ("NAMESPACE", "SERVICEACCOUNT")
    return (
        f"to grant it: kubectl -n {namespace} create rolebinding {_BINDINGS[role]} "
        f"--clusterrole={role} --serviceaccount={namespace}:{name}"
    )
