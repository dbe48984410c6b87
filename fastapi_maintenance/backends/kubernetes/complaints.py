"""What is wrong, said once, with the command that mends it."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Hashable, Sequence

from .reflector import Failure
from .transport import ApiError, NoAccess, Unreachable

APPLICATION_ROLE = "fastapi-maintenance-application"
WRITER_ROLE = "fastapi-maintenance-writer"
_BINDINGS = {APPLICATION_ROLE: "maintenance", WRITER_ROLE: "maintenance-writer"}
_NO_CRD = "the CRD MaintenanceWindow is not installed here: kubectl apply -f crds/"

_USER = re.compile(r'User "([^"]+)"')
_NO_OBJECT = re.compile(r'^(\S+) "([^"]+)" not found')
_PLACE = re.compile(r'in the namespace "([^"]+)"')
_EVERYWHERE = " at the cluster scope"
_SERVICE_ACCOUNT = re.compile("system:serviceaccount:([^:]+):([^:]+)")

# Of these each collection has its own; all others are troubles of the server.
_OF_ONE_COLLECTION = (403, 404)

logger = logging.getLogger(__name__)


class Complaints:
    """Logs a failure when it begins and when it is over: not once a try, not once a collection."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: dict[str, tuple[Hashable, str]] = {}

    @property
    def current(self) -> str | None:
        """What is wrong now; None while all is well."""
        # A copy, made in one step: others ask than the thread that complains.
        return next((text for _, text in list(self._open.values())), None)

    def complain(self, who: str, error: Failure) -> None:
        """Note a failure; log it unless the same kind of failure is known."""
        kind = _kind(who, error)
        if not any(kind == other for other, _ in self._open.values()):
            logger.error("%s; what is known stays in force", explain(error, self._source))
        self._open[who] = (kind, str(error))  # last: whoever asks for it finds the log

    def settle(self, who: str) -> None:
        """All is well (again) with this one."""
        if self._open.pop(who, None) and not self._open:
            logger.info("the API server answers again")


def _kind(who: str, error: Failure) -> Hashable:
    if isinstance(error, ApiError):
        return (error.status, who if error.status in _OF_ONE_COLLECTION else None)
    return NoAccess if isinstance(error, NoAccess) else Unreachable


def explain(error: Failure, source: str) -> str:
    """A failure in words that name the mend."""
    if isinstance(error, NoAccess):
        return f"{error}, trying again"
    if isinstance(error, Unreachable):
        return f"the API server can't be reached ({error}), trying again"
    if error.status == 401:
        return f"the API server does not accept this process's credentials ({error.message})"
    if error.status == 403:
        return _refused(error.message, APPLICATION_ROLE)
    if error.status == 404 and source == "maintenancewindow" and not missing_of(error.message):
        return _NO_CRD
    return f"{_answered(error)}, trying again"


def explain_write(error: Failure, *, of_window: bool) -> str:
    """Why nothing was written, in words that name the mend."""
    if isinstance(error, NoAccess):
        return str(error)
    if isinstance(error, Unreachable):
        return f"the API server can't be reached ({error}); try again once it can"
    if error.status == 403:
        return _refused(error.message, WRITER_ROLE)
    if error.status == 404 and of_window and not missing_of(error.message):
        return _NO_CRD
    return _answered(error)


def missing_of(message: str) -> tuple[str, str] | None:
    """The resource and the name of the object that the API server says is not there.

    None where it knows nothing of the kind at all: it has no CRD.
    """
    found = _NO_OBJECT.match(message)
    return (found[1], found[2]) if found else None


def _answered(error: ApiError) -> str:
    missing = missing_of(error.message)
    if missing is not None and missing[0] == "namespaces":
        return f"the API server answered {error}: create it, or name another"
    return f"the API server answered {error}"


def _refused(message: str, role: str) -> str:
    """By RBAC, which names the user; else by a policy or a quota, which no role mends."""
    if 'User "' not in message:
        return f"the API server refuses it: {message}"
    return f"a right is missing: {message}; to grant it: {grant(message, role, _BINDINGS[role])}"


def is_of_cluster(message: str) -> bool:
    """Whether RBAC has refused something that is of no namespace, or of all."""
    return message.endswith(_EVERYWHERE)


def grant(message: str, role: str, binding: str, flags: Sequence[str] = ()) -> str:
    """The command that grants whom RBAC has refused a role, there where it is missing.

    Args:
        message: of the API server; it names the user, and the namespace of the request.
        role: the ClusterRole.
        binding: how to call the RoleBinding, or the ClusterRoleBinding where it needs one.
        flags: of kubectl, that name the cluster.
    """
    user, place = _USER.search(message), _PLACE.search(message)
    account = _SERVICE_ACCOUNT.fullmatch(user[1]) if user else None
    who = f"--user={user[1]}" if user else "--serviceaccount=NAMESPACE:SERVICEACCOUNT"
    if account:
        who = f"--serviceaccount={account[1]}:{account[2]}"
    namespace = (place or account or ("", "NAMESPACE"))[1]
    kubectl = ["kubectl", *flags, *([] if is_of_cluster(message) else ["-n", namespace])]
    kind = "clusterrolebinding" if is_of_cluster(message) else "rolebinding"
    return shlex.join([*kubectl, "create", kind, binding, f"--clusterrole={role}", who])
