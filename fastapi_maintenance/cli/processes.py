"""``processes``: who is registered, and what it says; and to strike out one that is dead."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.proof.processes import Process, Word, read_process
from fastapi_maintenance.windows import KIND
from fastapi_maintenance.windows.scope import counts_for

from ._cluster import Cluster, Object
from ._failures import Failure
from ._hints import at as there
from ._hints import flags
from ._judging import oldest_of
from ._options import AllNamespaces, Output, OutputAs
from ._options import Name as _Name
from ._output import show, table, tell
from ._seen import Seen, see
from ._times import now, span

_CONFLICT, _NOT_FOUND = 409, 404
_HEAD = ("POD", "APP", "WINDOW", "ENFORCING", "INFLIGHT", "OLDEST", "HEARD")

Name = Annotated[str | None, *_Name.__metadata__]
_Remove = Annotated[
    str | None, typer.Option(metavar="POD", help="Strike out one; you say it is dead.")
]


async def processes(
    cluster: Cluster,
    name: Name = None,
    all_namespaces: AllNamespaces = False,
    remove: _Remove = None,
    output: OutputAs = Output.TABLE,
) -> None:
    """Who is registered, and what it says of open windows, or of one.

    With --remove: strike out a silent process whose death only a person can vouch for.
    """
    items = await cluster.processes(None if all_namespaces else cluster.namespace)
    if remove is not None:
        await _strike_out(cluster, items, remove, all_namespaces)
        return
    seen = see(await cluster.window(name), now()) if name else None
    listed = [item for item in items if seen is None or _counts(seen, read_process(item))]
    if output is not Output.TABLE:
        show([{**item, "kind": KIND.replace("Window", "Process")} for item in listed], output)
    elif not listed:
        if not all_namespaces:
            await cluster.check_namespace()
        tell(f"No process is registered in {_place(cluster, all_namespaces)}{_for(seen)}")
    else:
        rows = [row for item in listed for row in _rows(item, seen, all_namespaces)]
        table(("NAMESPACE", *_HEAD) if all_namespaces else _HEAD, rows)


def _place(cluster: Cluster, everywhere: bool) -> str:
    return "any namespace" if everywhere else f"namespace {cluster.namespace}"


def _counts(seen: Seen, process: Process) -> bool:
    return seen.window is not None and counts_for(seen.window, process.app)


def _for(seen: Seen | None) -> str:
    return f" for {', '.join(seen.window.apps)}" if seen and seen.window else ""


def _rows(item: Object, seen: Seen | None, everywhere: bool) -> list[tuple[str, ...]]:
    """One for each window that it speaks of; at least one."""
    process, at = read_process(item), now()
    names = {str(w.get("uid")): str(w.get("name", "")) for w in item["spec"].get("windows") or ()}
    words: list[tuple[str, Word | None]] = [
        (names.get(uid, uid), word)
        for uid, word in process.words.items()
        if seen is None or uid == seen.item["metadata"]["uid"]
    ]
    place = (item["metadata"]["namespace"],) if everywhere else ()
    return [
        (*place, process.called, process.app or "", window, *_said(word, at), _heard(process, at))
        for window, word in words or [("", None)]
    ]


def _said(word: Word | None, at: datetime) -> tuple[str, str, str]:
    if word is None:
        return "", "", ""
    return word.reason or "True", str(word.in_flight), oldest_of(word, at)


def _heard(process: Process, at: datetime) -> str:
    ago = f"{span(at - process.renewed)} ago"
    return f"{ago} (silent)" if process.is_silent(at) else ago


async def _strike_out(cluster: Cluster, items: list[Object], pod: str, everywhere: bool) -> None:
    found = [item for item in items if pod in (read_process(item).called, item["metadata"]["name"])]
    if not found:
        where = f"-A{flags()}" if everywhere else there(cluster.namespace)
        mend = f"those that are: fastapi-maintenance processes {where}"
        problem = f'no process of "{pod}" is registered in {_place(cluster, everywhere)}'
        raise Failure(problem, mend)
    for item in found:
        await _strike_out_one(cluster, item)


async def _strike_out_one(cluster: Cluster, item: dict[str, Any]) -> None:
    process, at = read_process(item), now()
    if not process.is_silent(at):
        raise Failure(
            f"{process.called} lives: it was heard {span(at - process.renewed)} ago",
            _ends(process, item),
        )
    try:
        await cluster.delete_process(item)
    except ApiError as error:
        if error.status not in (_CONFLICT, _NOT_FOUND):
            raise
        if error.status == _CONFLICT:
            raise Failure(f"{process.called} lives: it has just spoken") from error
    of_pod = f" of {process.called}" if process.pod else ""
    print(f"maintenanceprocess/{process.name}{of_pod} removed")


def _ends(process: Process, item: Object) -> str:
    """What lets it end by itself; on which machine it is outside of a Pod, nobody has said."""
    if process.pod is None:
        pid = (item["spec"].get("process") or {}).get("pid")
        number = f"kill {pid}" if pid else "SIGTERM"
        return f"it runs in no Pod: end it on its own machine ({number}), and it signs off"
    place = there(process.pod.namespace or item["metadata"]["namespace"])
    return f"let it end: kubectl delete pod {process.pod.name} {place}"
