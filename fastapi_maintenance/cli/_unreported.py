"""Those who do not report, by name or any more, and what mends that: pure."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi_maintenance.backends.kubernetes.identity import KUBECONFIG_VARIABLE
from fastapi_maintenance.proof.processes import read_process
from fastapi_maintenance.proof.wording import NONE_REGISTERED, no_processes

from ._cluster import Object
from ._hints import CLUSTER
from ._hints import at as there
from ._kinds import by_hand
from ._seen import Seen, parent_of

_NONE = (
    "in a Pod, the application's log says why; outside of a cluster it reports with "
    f"{KUBECONFIG_VARIABLE} set and K8sBackend(..., report=True)"
)


def unreported(seen: Seen, items: Sequence[Object]) -> str | None:
    """That nobody reports by a name, as the operator says it; None of a window that is over.

    Before a window opens, that none is registered at all is no news: many never are.
    """
    if seen.window is None or seen.state not in ("Open", "Scheduled"):
        return None
    if seen.current is None and not items:
        return None
    return no_processes(seen.window, [read_process(item) for item in items])


def mend_of(seen: Seen, problem: str) -> str:
    """What mends it that nobody reports by a name."""
    if problem.endswith(NONE_REGISTERED):
        return _NONE
    parent = parent_of(seen.item)
    name = f"{CLUSTER}{parent}" if parent else seen.name
    return f"if the name is wrong: {by_hand(name, seen.namespace)}"


def mend_of_silence(namespace: str, pod: str = "POD") -> str:
    """What ends that one is waited for who is not heard any more, and has no Pod to be asked."""
    remove = f"fastapi-maintenance processes --remove {pod} {there(namespace)}"
    return f"strike out what is dead for certain: {remove}"
