"""``status``: what is open, until when, who enforces it and who holds the drain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from fastapi_maintenance.proof.conditions import find

from ._access import Flags, connected
from ._access import find as find_identity
from ._cluster import Cluster, Object
from ._failures import Mistyped
from ._hints import at as there
from ._judging import by_operator, lease_is_fresh
from ._options import AllNamespaces, Output, OutputAs
from ._options import Name as _Name
from ._output import show, table, tell
from ._seen import Seen, see
from ._times import now, shown, span

Name = Annotated[str | None, *_Name.__metadata__]
_Watch = Annotated[bool, typer.Option("-w", "--watch", help="Show each change.")]
_Backend = Annotated[str | None, typer.Option(help="A switch instead: env or file.")]
_VarName = Annotated[str | None, typer.Option(help="The variable of --backend env.")]
_FilePath = Annotated[Path | None, typer.Option(help="The file of --backend file.")]

_PAUSE = 1.0
_NO_CLUSTER = "no cluster was asked: no kubeconfig (set KUBECONFIG or --kubeconfig)"
_HEAD = ("NAME", "STATE", "MODE", "APPS", "UNTIL", "NEXT", "ENFORCED", "DRAINED", "PROCESSES", "BY")


def status(
    flags: Flags,
    name: Name = None,
    all_namespaces: AllNamespaces = False,
    output: OutputAs = Output.TABLE,
    watch: _Watch = False,
    backend: _Backend = None,
    var_name: _VarName = None,
    file_path: _FilePath = None,
) -> None:
    """What is open, until when, and who holds the drain.

    Who enforces it and who opened it stand there too.

    Without a cluster, or with --backend: whether the switch is on.
    """
    named = backend or var_name or file_path
    if named or find_identity(flags) is None:
        _tell_switch(backend or ("file" if file_path else "env"), var_name, file_path)
        if not named:
            tell(_NO_CLUSTER)
        return
    asyncio.run(_of_cluster(flags, name, all_namespaces, output, watch))


async def _of_cluster(
    flags: Flags, name: str | None, everywhere: bool, output: Output, watch: bool
) -> None:
    async with connected(flags) as cluster:
        before: object = None
        while True:
            items = [await cluster.window(name)] if name else await cluster.windows(everywhere)
            seen = [see(item, now()) for item in items]
            news = _news(seen)
            if news != before:
                before = news
                await _show(cluster, seen, name, everywhere, output)
            if not watch:
                return
            await asyncio.sleep(_PAUSE)


def _news(seen: Sequence[Seen]) -> object:
    """What is worth another look: versions, and states, which change by themselves."""
    return [
        (s.item["metadata"]["uid"], s.item["metadata"]["resourceVersion"], s.state) for s in seen
    ]


async def _show(
    cluster: Cluster, seen: Sequence[Seen], name: str | None, everywhere: bool, output: Output
) -> None:
    if output is not Output.TABLE:
        show([each.item for each in seen], output, single=name is not None)
    elif not seen:
        place = "any namespace" if everywhere else f"namespace {cluster.namespace}"
        print(f"No windows in {place}: nothing is in maintenance.", file=sys.stderr)
    else:
        head = ("NAMESPACE", *_HEAD) if everywhere else _HEAD
        table(head, [_row(each, everywhere) for each in seen])
        for line in (line for each in seen for line in _remarks(each, bool(name))):
            print(line)
        await _tell_of_operator(cluster, seen)
    sys.stdout.flush()


async def _tell_of_operator(cluster: Cluster, seen: Sequence[Seen]) -> None:
    """That what it has said is old, where that can be seen."""
    lease = await cluster.lease() if any(each.current for each in seen) else None
    if lease is not None and not lease_is_fresh(lease, now()):
        since = (lease.get("spec") or {}).get("renewTime", "long ago")
        tell(f"note: no operator has answered since {since}: ENFORCED and DRAINED are of then")


def _row(seen: Seen, everywhere: bool) -> tuple[str, ...]:
    window, current, following = seen.window, seen.current, seen.following
    spec: Object = seen.item.get("spec") or {}
    place = (seen.namespace,) if everywhere else ()
    return (
        *place,
        seen.name,
        seen.state,
        str(window.mode) if window else "",
        ",".join(spec.get("apps") or ()),
        _end(current.end if current else None, seen.at) if current else "",
        _edge(following.start, seen.at) if following else "",
        _proven(seen, "enforced"),
        _proven(seen, "drained"),
        _counts(seen),
        seen.opened_by,
    )


def _proven(seen: Seen, what: str) -> str:
    """Only of the occurrence that is open, and the spec as it is."""
    if seen.current is None:
        return ""
    told = by_operator(seen, what)
    if told is None:
        return "Unknown"
    kind = what.capitalize()
    return str(find(seen.item["status"], kind).get("status", "Unknown"))


def _counts(seen: Seen) -> str:
    counts: dict[str, Any] = (seen.item.get("status") or {}).get("processes") or {}
    if seen.current is None or "registered" not in counts:
        return ""
    return f"{counts.get('enforcing', 0)}/{counts['registered']}"


def _remarks(seen: Seen, detailed: bool) -> list[str]:
    """Why something is not as one would want it."""
    if seen.error is not None:
        return [f"{seen.name}: {seen.error}"]
    if seen.current is None:
        return []
    told = by_operator(seen, "drained")
    if told is None:
        return [f"{seen.name}: the operator has not spoken of this occurrence; see: "
                f"fastapi-maintenance processes {seen.name} {there(seen.namespace)}"]  # fmt: skip
    return [f"{seen.name}: {told.message}"] if detailed or not told.met else []


def _end(end: datetime | None, at: datetime) -> str:
    return "ended by hand" if end is None else _edge(end, at)


def _edge(instant: datetime, at: datetime) -> str:
    return f"{shown(instant, at)} ({span(instant - at)})"


def _tell_switch(backend: str, var_name: str | None, file_path: Path | None) -> None:
    """As published: whether an environment variable, or a file, says that it is on."""
    from fastapi_maintenance.backends import EnvVarBackend, LocalFileBackend
    from fastapi_maintenance.backends.env import DEFAULT_VARIABLE

    if backend == "env":
        state, source = EnvVarBackend(var_name).state(), f"env: {var_name or DEFAULT_VARIABLE}"
    elif backend != "file":
        raise Mistyped(f"--backend {backend} is not known", "write --backend env or --backend file")
    elif file_path is None:
        raise Mistyped("--backend file needs the file", "name it: --file-path PATH")
    else:
        state, source = LocalFileBackend(str(file_path)).state(), f"file: {file_path}"
    word = "OFF" if state.writes is None else "ON" if state.reads else "READ-ONLY"
    print(f"Maintenance mode is {word} ({source})")
