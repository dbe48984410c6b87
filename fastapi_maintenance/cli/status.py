"""``status``: what is open, until when, who enforces it and who holds the drain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable

from ._access import Flags, connected
from ._access import find as find_identity
from ._cluster import Cluster, Object
from ._failures import Mistyped
from ._hints import named, see_operator
from ._judging import LAG, by_operator, lease_is_fresh
from ._options import AllNamespaces, Output, OutputAs
from ._options import Name as _Name
from ._others import run_of
from ._output import show, table, tell
from ._rows import HEAD, in_order, row, shortened
from ._seen import Seen, see
from ._times import now, shown
from ._unreported import mend_of, mend_of_silence, unreported

Name = Annotated[str | None, *_Name.__metadata__]
_Watch = Annotated[bool, typer.Option("-w", "--watch", help="Show each change.")]
_All = Annotated[bool, typer.Option("--all", help="All that are finished, too.")]
_Backend = Annotated[str | None, typer.Option(help="A switch instead: env or file.")]
_VarName = Annotated[str | None, typer.Option(help="The variable of --backend env.")]
_FilePath = Annotated[Path | None, typer.Option(help="The file of --backend file.")]

_PAUSE = 1.0
_NO_CLUSTER = "no cluster was asked: no kubeconfig (set KUBECONFIG or --kubeconfig)"


def status(
    flags: Flags,
    name: Name = None,
    all_namespaces: AllNamespaces = False,
    output: OutputAs = Output.TABLE,
    watch: _Watch = False,
    all_: _All = False,
    backend: _Backend = None,
    var_name: _VarName = None,
    file_path: _FilePath = None,
) -> None:
    """What is open, until when, and who holds the drain.

    Who enforces it and who opened it stand there too.

    Without a cluster, or with --backend: whether the switch is on.
    """
    switch = backend or var_name or file_path
    asks = all_namespaces or name is not None or flags.any_said
    if switch or (find_identity(flags) is None and not asks):
        _tell_switch(backend or ("file" if file_path else "env"), var_name, file_path)
        if not switch:
            tell(_NO_CLUSTER)
        return
    asked = _Asked(all_namespaces, output, all_ or name is not None)
    asyncio.run(_of_cluster(flags, name, asked, watch))


@dataclass(frozen=True, slots=True)
class _Asked:
    """How it is to be shown."""

    everywhere: bool
    output: Output
    all: bool


async def _of_cluster(flags: Flags, name: str | None, asked: _Asked, watch: bool) -> None:
    async with connected(flags) as cluster:
        before: object = None
        while True:
            items = (
                [await cluster.window(name)] if name else await cluster.windows(asked.everywhere)
            )
            seen = [see(item, now()) for item in items]
            news = _news(seen)
            if news != before:
                before = news
                await _show(cluster, seen, name, asked)
            if not watch:
                return
            await asyncio.sleep(_PAUSE)


def _news(seen: Sequence[Seen]) -> object:
    """What is worth another look: versions, and states, which change by themselves."""
    return [
        (s.item["metadata"]["uid"], s.item["metadata"]["resourceVersion"], s.state) for s in seen
    ]


async def _show(cluster: Cluster, seen: Sequence[Seen], name: str | None, asked: _Asked) -> None:
    if asked.output is not Output.TABLE:
        show([each.item for each in seen], asked.output, single=name is not None)
    elif not seen:
        if not asked.everywhere:
            await cluster.check_namespace()
        place = "any namespace" if asked.everywhere else f"namespace {cluster.namespace}"
        tell(f"No windows in {place}")
    else:
        ordered = in_order(seen)
        shown = ordered if asked.all else shortened(ordered)
        _show_table(shown, len(seen) - len(shown), asked.everywhere)
        await _remark(cluster, shown, asked.everywhere, detailed=name is not None)
    sys.stdout.flush()


def _show_table(seen: Sequence[Seen], left_out: int, everywhere: bool) -> None:
    table(("NAMESPACE", *HEAD) if everywhere else HEAD, [row(each, everywhere) for each in seen])
    if left_out:
        tell(f"… and {left_out} that finished earlier (--all shows them)")


async def _remark(
    cluster: Cluster, seen: Sequence[Seen], everywhere: bool, *, detailed: bool
) -> None:
    """What is not as one would want it; what mends several is told once."""
    processes = await _processes(cluster, seen, everywhere)
    lines = list[str]()
    for each in seen:
        of_its = [p for p in processes or () if p["metadata"]["namespace"] == each.namespace]
        lines += _remarks(each, None if processes is None else of_its, detailed, everywhere)
    lines += [line async for line in _of_operator(cluster, seen)]
    for line in dict.fromkeys(lines):
        tell(line)


async def _processes(
    cluster: Cluster, seen: Sequence[Seen], everywhere: bool
) -> list[Object] | None:
    """Those that report where a window is open or to come; None where they may not be seen."""
    if not any(each.state in ("Open", "Scheduled") for each in seen):
        return None
    try:
        return await cluster.processes(None if everywhere else cluster.namespace)
    except (ApiError, Unreachable):
        return None


def _remarks(
    seen: Seen, processes: Sequence[Object] | None, detailed: bool, everywhere: bool
) -> Iterator[str]:
    """Why a window is not as one would want it."""
    name = f"{seen.namespace}/{seen.name}" if everywhere else seen.name
    if seen.error is not None:
        yield from (f"{name}: {each}" for each in seen.error.all)
        return
    if detailed and (about := run_of(seen)):
        yield f"{name}: {about}"
    told = by_operator(seen, "drained")
    problem = unreported(seen, processes) if processes is not None else None
    if told is not None and told.reason == "NoProcesses":
        problem = told.message
    if problem is not None:
        yield f"{name}: {problem}"
        yield f"  {mend_of(seen, problem)}"
    elif told is not None and (detailed or not told.met):
        yield f"{name}: {told.message}"
        if told.reason == "ProcessSilent":
            yield f"  {mend_of_silence(seen.namespace)}"
    elif told is None and seen.current is not None:
        place = named(seen.name, seen.namespace)
        yield f"{name}: no operator has spoken of this occurrence yet"
        yield f"  what processes say themselves: fastapi-maintenance processes {place}"
        if seen.at - seen.current.start > LAG:
            yield f"  {see_operator()}"


async def _of_operator(cluster: Cluster, seen: Sequence[Seen]) -> AsyncIterator[str]:
    """That what it has said is old, where that can be seen."""
    lease = await cluster.lease() if any(each.current for each in seen) else None
    if lease is not None and not lease_is_fresh(lease, at := now()):
        since = _renewed(lease, at)
        yield f"note: no operator has answered since {since}: ENFORCED and DRAINED are of then"
        yield f"  {see_operator()}"


def _renewed(lease: Object, at: datetime) -> str:
    try:
        return shown(datetime.fromisoformat(str(lease["spec"]["renewTime"])), at)
    except (KeyError, ValueError):
        return "long ago"


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
