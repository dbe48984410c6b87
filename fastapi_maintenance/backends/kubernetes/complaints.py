"""What is wrong, said once, with the command that mends it."""

from __future__ import annotations

import logging
import re

from .reflector import Failure
from .transport import Unreachable

APPLICATION_ROLE = "fastapi-maintenance-application"

_SERVICE_ACCOUNT = re.compile(r'User "system:serviceaccount:([^:"]+):([^"]+)"')

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
        return f"a right is missing: {error.message}; {_grant(error.message)}"
    if error.status == 404 and source == "maintenancewindow":
        return "the CRD MaintenanceWindow is not installed here: kubectl apply -f crds/"
    return f"the API server answered {error}, trying again"


def _grant(message: str) -> str:
    """The command that grants an application its rights."""
    match = _SERVICE_ACCOUNT.search(message)
    namespace, name = match.groups() if match else ("NAMESPACE", "SERVICEACCOUNT")
    return (
        f"to grant it: kubectl -n {namespace} create rolebinding maintenance "
        f"--clusterrole={APPLICATION_ROLE} --serviceaccount={namespace}:{name}"
    )
