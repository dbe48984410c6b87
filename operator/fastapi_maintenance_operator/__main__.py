"""``python -m fastapi_maintenance_operator``: the operator as a process."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from contextlib import AbstractAsyncContextManager, nullcontext

from kubernetes_asyncio import client

from .access import FencedClient, NoCluster, connect, log_in, own_namespace
from .api import ClusterApi
from .controller import Controller
from .election import Election, election
from .logs import configure_logs
from .metrics import Metrics
from .namespaced import NamespaceApi
from .operating import Operation
from .preflight import CannotStart, check, warn_of_others
from .probes import serve_patience, serve_probes
from .processes_api import ProcessApi
from .proof_rounds import Rounds
from .reconcile import Observed
from .settings import Settings, parse
from .watcher import Watcher, WatcherDied

logger = logging.getLogger(__name__)


def main() -> None:
    """Run until a signal comes; exit 1 where the cluster lacks what the operator needs."""
    settings = parse()
    configure_logs(settings.log_level, settings.log_format)
    try:
        asyncio.run(_until_told(settings))
    except (CannotStart, NoCluster, WatcherDied) as error:
        logger.error("%s", error)
        sys.exit(1)


async def _until_told(settings: Settings) -> None:
    """End on SIGTERM and SIGINT as after work well done."""
    work, loop = asyncio.ensure_future(_operate(settings)), asyncio.get_running_loop()
    told = asyncio.Event()

    def stop(name: str) -> None:
        logger.info("%s: stopping", name)
        told.set()
        work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    try:
        await work
    except asyncio.CancelledError:
        if not told.is_set():
            raise


async def _operate(settings: Settings) -> None:
    configuration = await log_in()
    where = settings.lease_namespace or settings.namespace or own_namespace()
    async with connect(configuration) as asking, _patience(settings):
        await check(asking, settings.namespace, where)
        await warn_of_others(asking, settings.namespace, where)
    if settings.check:
        logger.info("CRDs and rights are there")
        return
    async with (
        election(configuration, where) as lease,
        FencedClient(configuration, lambda: lease.held) as api_client,
    ):
        await _serve(settings, lease, api_client)


def _patience(settings: Settings) -> AbstractAsyncContextManager[None]:
    """A sign of life until the probes have something to tell; who only checks serves nothing."""
    return nullcontext() if settings.check else serve_patience(settings.host, settings.port)


async def _serve(settings: Settings, lease: Election, api_client: FencedClient) -> None:
    def windows() -> list[Observed]:
        leader = operation.controller
        return [*leader.windows, *leader.cluster_windows] if leader else []

    def make_controller() -> Controller:
        api = _api(settings.namespace, api_client)
        return Controller(api, Rounds(ProcessApi(api_client)), metrics, _collect_sooner)

    def make_watcher(controller: Controller) -> Watcher:
        return Watcher(controller, settings.namespace, metrics.noticed)

    _collect_sooner()
    metrics = Metrics(windows, lambda: lease.held)
    operation = Operation(lease, make_controller, make_watcher)
    async with (
        serve_probes(
            operation, lambda: api_client.last_answer, metrics.text, settings.host, settings.port
        ),
        _page(settings, operation),
    ):
        await operation.run()


def _collect_sooner() -> None:
    """Leave what is there by now out of what garbage is measured against.

    The collector waits until a quarter of all is new: with ten thousand windows, for 50 MiB.
    """
    gc.collect()
    gc.freeze()


def _page(settings: Settings, operation: Operation) -> AbstractAsyncContextManager[None]:
    """The page, if it is asked for; else not even its modules are loaded."""
    if settings.page == "off":
        return nullcontext()
    from .page.serve import serve_page

    notes, port = settings.page == "full", settings.page_port
    return serve_page(lambda: operation.informed, notes=notes, host=settings.host, port=port)


def _api(namespace: str | None, api_client: client.ApiClient) -> ClusterApi:
    return NamespaceApi(api_client, namespace) if namespace else ClusterApi(api_client)


if __name__ == "__main__":
    main()
