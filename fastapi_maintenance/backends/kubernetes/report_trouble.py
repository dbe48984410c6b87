"""What keeps a process from reporting, said once, with the mend."""

from __future__ import annotations

import logging

from .complaints import explain
from .transport import ApiError, Unreachable

NO_CRD = "the CRD MaintenanceProcess is not installed here: kubectl apply -f crds/"

logger = logging.getLogger(__name__)


class Trouble:
    """Logs a failure when it begins and when it is over, not once a try."""

    def __init__(self) -> None:
        self.current: str | None = None
        self.status: int | None = None
        """Of the last answer, if that was no success."""
        self.retry_after: float | None = None
        """Seconds that it asked to wait."""
        self.lacks_crd = False
        """Whether nothing here knows of processes, as the last answer says."""
        self._kind: object = None

    def note(self, error: ApiError | Unreachable) -> None:
        """A request has failed."""
        self.status, self.retry_after = getattr(error, "status", None), error.retry_after
        self.lacks_crd = _lacks_crd(error)
        kind = (self.status or type(error), self.lacks_crd)
        if kind != self._kind:
            self._kind = kind
            text = NO_CRD if self.lacks_crd else explain(error, "")
            logger.error("%s; this process does not report what it enforces", text)
        self.current = str(error)  # last: whoever asks for it finds the log

    def settle(self) -> None:
        """One has worked."""
        if self._kind is not None:
            logger.info("this process reports what it enforces again")
        self.current = self.status = self.retry_after = self._kind = None
        self.lacks_crd = False


def _lacks_crd(error: ApiError | Unreachable) -> bool:
    """Not where a namespace is missing, which the answer names: that can be mended, or awaited."""
    if not isinstance(error, ApiError) or error.status != 404:
        return False
    return not error.message.startswith('namespaces "')
