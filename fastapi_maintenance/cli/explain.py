"""``explain``: what a window means, or why it is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.windows.explain import Asked
from fastapi_maintenance.windows.explain import explain as explained_at

from ._access import Flags, connected
from ._checks import check_from_to, checked
from ._cluster import Object
from ._completing import window_names
from ._failures import FAILED, Mistyped
from ._kinds import CLUSTER_KIND, typed_name_of_any
from ._probes import refused_probes
from ._seen import see
from ._sources import STDIN, manifests_of
from ._telling import error_lines, explanation_lines
from ._times import instant_of, now
from ._unreported import unreported

_What = Annotated[
    str,
    typer.Argument(
        metavar="FILE|NAME", help="Manifests, or a window.", autocompletion=window_names
    ),
]
_At = Annotated[str | None, typer.Option(help="A time; else now.")]
_Count = Annotated[
    int, typer.Option(help="Occurrences to tell of.", callback=checked(check_from_to(0, 1000)))
]
_App = Annotated[str | None, typer.Option(help="Whose request is asked about.")]
_Method = Annotated[str | None, typer.Option(help="Of the request; else GET and POST.")]
_Path = Annotated[str, typer.Option(help="Of the request.")]
_Address = Annotated[str | None, typer.Option(help="The client's.")]


def explain(
    flags: Flags,
    what: _What,
    at: _At = None,
    count: _Count = 5,
    app: _App = None,
    method: _Method = None,
    path: _Path = "/",
    address: _Address = None,
) -> None:
    """Say what a window means: when it opens, whom it refuses, why.

    Of one that is invalid: what is wrong, and the mend.

    Exit: 1 where a window is invalid.
    """
    methods = [method.upper()] if method else ["GET", "POST"]
    route = f"/{path.removeprefix('/')}"
    asked = [Asked(each, route, address=_checked(address)) for each in methods]
    instant = instant_of(at, "--at") if at else now()
    given = _given(flags, what)
    named = [(_name(item, n), item) for n, item in enumerate(given.items, 1)]
    valid = [_tell(name, item, instant, count, app, asked, given) for name, item in named]
    if not all(valid):
        raise typer.Exit(FAILED)


def _checked(address: str | None) -> str | None:
    if address is not None:
        try:
            ip_address(address)
        except ValueError:
            mend = "write one such as 192.0.2.7 or 2001:db8::7"
            raise Mistyped(f"--address: {address!r} is no address", mend) from None
    return address


def _tell(
    name: str,
    item: Object,
    at: datetime,
    count: int,
    app: str | None,
    asked: list[Asked],
    given: _Given,
) -> bool:
    """Say all of one window; whether it is valid."""
    seen = see(item, at)
    if seen.error is not None:
        print("\n".join(error_lines(name, seen.error)))
        return False
    assert seen.window is not None
    told = explained_at(seen.window, at, occurrences=count, app=app)
    print("\n".join(explanation_lines(told)))
    if item["kind"] == CLUSTER_KIND:
        print("  it is kept in each namespace that its namespaceSelector selects")
    for request in asked:
        verdict = explained_at(seen.window, at, occurrences=0, app=app, request=request).verdict
        assert verdict is not None
        word = "refused" if verdict.refused else "passes"
        print(f"  {request.method:<8} {request.path} {word}: {verdict.why} ({verdict.field})")
    for line in refused_probes(seen.window, given.deployments):
        print(f"  warning  {line}")
    if given.processes and (problem := unreported(seen, given.processes)):
        print(f"  warning  {problem}")
    return True


def _name(item: Object, number: int) -> str:
    """Of one that may be of any shape; else which of them it is."""
    metadata = item.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return str(name or f"window {number}")


@dataclass(frozen=True, slots=True)
class _Given:
    """What is explained, with what a cluster has beside it."""

    items: list[Object]
    deployments: list[Object] = field(default_factory=list)
    processes: list[Object] = field(default_factory=list)


def _given(flags: Flags, what: str) -> _Given:
    """The manifests of a file, or the window of a name."""
    if what == STDIN or Path(what).exists() or Path(what).suffix in (".yaml", ".yml", ".json"):
        return _Given(manifests_of(what, flags))
    return asyncio.run(_of_cluster(flags, what))


def _window_name(text: str) -> str:
    try:
        return typed_name_of_any(text, "FILE|NAME")
    except Mistyped as error:
        problem = f"{text} is neither a file that is there nor the name of a window"
        raise Mistyped(problem, "those that are there: fastapi-maintenance status") from error


async def _of_cluster(flags: Flags, name: str) -> _Given:
    async with connected(flags) as cluster:
        item = await cluster.window(_window_name(name))
        deployments = await _if_allowed(cluster.deployments())
        return _Given([item], deployments, await _if_allowed(cluster.processes(cluster.namespace)))


async def _if_allowed(asked: Awaitable[list[Object]]) -> list[Object]:
    try:
        return await asked
    except ApiError:
        return []
