"""What Tab offers: names from the cluster, if it answers at once; nothing else."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Awaitable, Callable
from typing import Any

import typer

_PATIENCE = 2.0


def window_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The windows of the namespace."""

    async def ask(cluster: Any) -> list[str]:
        return [item["metadata"]["name"] for item in await cluster.windows()]

    return _offered(ctx, incomplete, ask)


def unfinished_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same, but those that are over, of which nothing is left to be changed."""

    async def ask(cluster: Any) -> list[str]:
        from ._seen import see
        from ._times import now

        seen = [see(item, now()) for item in await cluster.windows()]
        return [each.name for each in seen if each.state != "Finished"]

    return _offered(ctx, incomplete, ask)


def app_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The apps whose processes report."""

    async def ask(cluster: Any) -> list[str]:
        items = await cluster.processes(cluster.namespace)
        return sorted({item["spec"]["app"] for item in items if item["spec"].get("app")})

    return _offered(ctx, incomplete, ask)


def namespace_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The namespaces of the cluster."""

    async def ask(cluster: Any) -> list[str]:
        return [item["metadata"]["name"] for item in await cluster.namespaces()]

    return _offered(ctx, incomplete, ask)


def zone_names(incomplete: str) -> list[str]:
    """The time zones that this machine knows."""
    return _starting(incomplete, sorted(zoneinfo.available_timezones()))


def context_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The contexts of the kubeconfig."""
    from ._access import contexts_of

    return _starting(incomplete, contexts_of(ctx.params.get("kubeconfig")))


def _offered(
    ctx: typer.Context, incomplete: str, ask: Callable[[Any], Awaitable[list[str]]]
) -> list[str]:
    from ._access import Flags, connected

    flags = Flags.of(dict(ctx.params))

    async def find() -> list[str]:
        async with asyncio.timeout(_PATIENCE), connected(flags) as cluster:
            return await ask(cluster)

    try:
        return _starting(incomplete, asyncio.run(find()))
    except Exception:  # whatever it is: who presses Tab is not to be told of it
        return []


def _starting(incomplete: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
