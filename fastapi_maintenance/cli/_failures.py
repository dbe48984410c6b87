"""What went wrong, in words that say what is missing and which command mends it."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator

import typer

from fastapi_maintenance.backends.kubernetes.complaints import grant, is_of_cluster, missing_of
from fastapi_maintenance.backends.kubernetes.transport import ApiError, NoAccess, Unreachable
from fastapi_maintenance.windows import GROUP, PLURAL, InvalidWindow

from ._hints import cluster_flags, flags, only_reads

FAILED, MISTYPED, NO_OPERATOR, INTERRUPTED = 1, 2, 3, 130

_MIGRATOR = "fastapi-maintenance-migrator"
_BINDING = "maintenance-migrator"
_VIEW, _VIEW_BINDING = "fastapi-maintenance-view", "maintenance-view"
_ASK = "ask one, or --context, --as one"


class Failure(Exception):
    """A fault that was to be foreseen.

    Args:
        problem: what is wrong, in one line.
        mend: what to do about it; often a command.
        code: how the process exits; None is as the verb has it for any fault.
    """

    def __init__(self, problem: str, mend: str = "", code: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.code = code


class Mistyped(Failure):
    """A command line that was typed wrong: nothing was asked of a cluster."""

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(problem, mend, MISTYPED)


@contextlib.contextmanager
def told(code: int = FAILED) -> Iterator[None]:
    """Let each foreseeable fault be two lines and an exit code, never a stack trace.

    Args:
        code: of a fault that has no other of its own.
    """
    try:
        yield
    except (Failure, ApiError, Unreachable, InvalidWindow, ImportError) as error:
        raise tell_of(known(error), code) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def known(error: Exception) -> Failure:
    """A foreseeable fault in words."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, ApiError | Unreachable):
        return explain(error)
    if isinstance(error, InvalidWindow):
        return Failure(f"{error.field}: {error.problem}", error.mend)
    return Failure(str(error))


def tell_of(failure: Failure, code: int = FAILED) -> typer.Exit:
    """Say it; gives what leaves the process, with a code if the fault has none of its own."""
    print(f"error: {failure.problem}", file=sys.stderr)
    if failure.mend:
        print(f"  {failure.mend}", file=sys.stderr)
    return typer.Exit(code if failure.code is None else failure.code)


def explain(error: ApiError | Unreachable) -> Failure:
    """What a request to the API server has ended in."""
    if isinstance(error, Unreachable):
        return _unreachable(error)
    if error.status == 401:
        mend = "log in anew, or name another user: --context NAME; see: kubectl config get-contexts"
        return Failure("the API server does not accept these credentials", mend)
    if error.status == 403:
        return _refused(error.message)
    if error.status == 404:
        return _not_found(error)
    if error.status == 422:
        return Failure(error.message, "see: kubectl explain maintenancewindow.spec")
    return Failure(f"the API server answered {error}")


def is_missing_crd(error: ApiError) -> bool:
    """Whether nothing of this kind is known there, rather than an object missing."""
    return error.status == 404 and missing_of(error.message) is None


def is_of_credentials(error: Unreachable) -> bool:
    """Whether nobody was asked, since one's own files or login fail."""
    return isinstance(error, NoAccess)


def _not_found(error: ApiError) -> Failure:
    """A kind that is unknown there, a namespace, or an object in it."""
    missing = missing_of(error.message)
    if missing is None:
        kubectl = shlex.join(["kubectl", *cluster_flags()])
        mend = f"install them: fastapi-maintenance crds | {kubectl} apply --server-side -f -"
        return Failure(f"the CRDs of {GROUP} are not installed here", mend)
    if missing[0] == "namespaces":
        mend = f"those that are there: kubectl get namespaces{flags()}; name one: -n NAMESPACE"
        return Failure(f'namespace "{missing[1]}" not found', mend)
    return Failure(f"the API server answered {error}")


def _unreachable(error: Unreachable) -> Failure:
    kubectl = shlex.join(["kubectl", *cluster_flags()])
    if isinstance(error, NoAccess):
        mend = (
            f"see: {kubectl} config view; name another file by --kubeconfig, or context by "
            "--context"
        )
        return Failure(error.why, mend)
    mend = f"see that it is there: {kubectl} cluster-info; another cluster: --context NAME"
    return Failure(f"the API server can't be reached: {error}", mend)


def _refused(message: str) -> Failure:
    """By RBAC, which names the user; else by a policy or a quota, which no role mends."""
    if 'User "' not in message:
        return Failure(f"the API server refuses it: {message}")
    role = (_VIEW, _VIEW_BINDING) if only_reads() else (_MIGRATOR, _BINDING)
    mend = f"grant it: {grant(message, *role, cluster_flags())}"
    if is_of_cluster(message):
        granted = grant(message, _VIEW, _VIEW_BINDING, cluster_flags())
        mend = f"look at one namespace: -n NAMESPACE; or grant it for all: {granted}"
    if f"cluster{PLURAL}" in message:
        mend = f"windows of the cluster are for its administrators: {_ASK}"
    if 'cannot delete resource "maintenanceprocesses"' in message:
        mend = f"no role of the chart lets people strike out a process; administrators may: {_ASK}"
    return Failure(f"a right is missing: {message}", mend)
