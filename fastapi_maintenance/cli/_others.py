"""What else holds the apps that a verb was given: it is told of, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.proof.wording import nearest, with_nearest
from fastapi_maintenance.windows.globs import meet

from ._cluster import Cluster, Object
from ._failures import known
from ._hints import CLUSTER, flags, named
from ._output import tell
from ._seen import RUN, Seen, parent_of, see
from ._times import now, until

_MOST = 3
"""Namespaces that are told."""


async def note_others(cluster: Cluster, apps: Sequence[str], name: str) -> None:
    """Tell of windows by other names that are open for one of the apps."""
    for other in await _others(cluster, apps, name):
        about = f"; {found}" if (found := run_of(other)) else ""
        tell(f"note: {other.name} is open too, until {until(other.end, other.at)}{about}")


def run_of(seen: Seen) -> str | None:
    """What a `run` is about, which need not have ended: two migrations at once may do harm."""
    if seen.made_for != RUN or seen.window is None or seen.current is None:
        return None
    who = f" by {seen.opened_by}" if seen.opened_by else ""
    return f"it is a run of `{seen.window.description}`{who}, which may still go on"


async def note_still(cluster: Cluster, apps: Sequence[str], name: str) -> None:
    """After a window was ended: tell what goes on holding its apps, and what ends that."""
    left = await _others(cluster, apps, name)
    if left:
        tell(f"note: {', '.join(apps)}: {still(left)}")
        tell(f"  {mends(left)}")


async def note_unregistered(cluster: Cluster, apps: Sequence[str]) -> None:
    """Tell of names by which nobody reports, as a mistyped one, where others do.

    A process without a name may be of any app; whoever may not list processes is told nothing.
    """
    try:
        items = await cluster.processes(cluster.namespace)
    except (ApiError, Unreachable):
        return
    if note := unregistered({item["spec"].get("app") for item in items}, apps):
        tell(note)


def unregistered(registered: set[str | None], apps: Sequence[str]) -> str | None:
    """That nobody reports for some of the apps; None where nothing is to be said."""
    named = sorted(name for name in registered if name)
    unknown = [app for app in apps if "*" not in app and app not in named]
    if not unknown or not named or len(named) < len(registered):
        return None
    free = [name for name in named if name not in apps]
    meant = ", ".join(with_nearest(app, free) for app in unknown)
    return f"note: no process reports for {meant}; registered are: {', '.join(named)}"


async def meant_by(cluster: Cluster, apps: Sequence[str]) -> dict[str, str]:
    """Of names by which nobody reports: those that may have been meant."""
    try:
        items = await cluster.processes(cluster.namespace)
    except (ApiError, Unreachable):
        return {}
    named = sorted({app for item in items if (app := item["spec"].get("app"))})
    free = [name for name in named if name not in apps]
    near = {app: nearest(app, free) for app in apps if "*" not in app and app not in named}
    return {app: found for app, found in near.items() if found}


async def elsewhere(cluster: Cluster, apps: Sequence[str]) -> str | None:
    """Where else somebody reports by these names, or who can tell; None: nowhere."""
    try:
        items = await cluster.processes(None)
    except (ApiError, Unreachable):
        return f"if they are in another namespace: fastapi-maintenance processes -A{flags()}"
    found = {(item["spec"].get("app"), item["metadata"]["namespace"]) for item in items}
    here = {app for app, namespace in found if namespace == cluster.namespace}
    away = sorted((app, place) for app, place in found if app in apps and app not in here)
    lines = [f"{app} reports in namespace {place}: did you mean -n {place}?" for app, place in away]
    return "\n  ".join(lines[:_MOST]) or None


def note_all_open(items: Sequence[Object]) -> None:
    """Tell of every window that is open, where the one that was meant is not there."""
    for each in all_open(items):
        apps = ", ".join(each.window.apps if each.window else ())
        tell(f"note: {each.name} is open, for {apps}, until {until(each.end, each.at)}")


async def _others(cluster: Cluster, apps: Sequence[str], name: str) -> list[Seen]:
    """What was done stands, whether or not this can be seen."""
    try:
        return others_open(await cluster.windows(), apps, name)
    except (ApiError, Unreachable) as error:
        problem = known(error).problem
        tell(f"note: whether other windows are open for {', '.join(apps)} is unknown: {problem}")
        return []


def still(left: Sequence[Seen]) -> str:
    """Which windows hold on, and until when."""
    held = ", ".join(f"{each.name} (until {until(each.end, each.at)})" for each in left)
    return f"still in maintenance by {held}"


def mends(left: Sequence[Seen]) -> str:
    """What ends them, a line for each."""
    return "\n  ".join(_mend(each) for each in left)


def _mend(each: Seen) -> str:
    """Of one that is kept as a window of the cluster has it, that one is to be ended."""
    if parent := parent_of(each.item):
        its = named(f"{CLUSTER}{parent}", each.namespace)
        return f"end it, in all namespaces that it selects: fastapi-maintenance end {its}"
    about = f" ({found})" if (found := run_of(each)) else ""
    return f"end it: fastapi-maintenance end {named(each.name, each.namespace)}{about}"


def others_open(items: Sequence[Object], apps: Sequence[str], name: str = "") -> list[Seen]:
    """Windows by other names that are open for one of the apps, or globs."""
    return [
        each
        for each in all_open(items, name)
        if each.window is not None and meet(each.window.apps, apps)
    ]


def all_open(items: Sequence[Object], name: str = "") -> list[Seen]:
    """Windows by other names that are open, for whatever app."""
    seen = [see(item, now()) for item in items if item["metadata"]["name"] != name]
    return [each for each in seen if each.current]
