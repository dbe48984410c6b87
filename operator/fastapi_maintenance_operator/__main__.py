"""``python -m fastapi_maintenance_operator``: the operator as a process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time

import kopf
from kubernetes_asyncio import client, config

from .api import ClusterApi
from .controller import Controller
from .handlers import make_registry
from .preflight import CannotStart, check
from .probes import serve_probes
from .processes_api import ProcessApi
from .proof_rounds import Rounds

logger = logging.getLogger(__name__)

_RENEW_SECONDS = 60.0

_DESCRIPTION = """
Reconciles MaintenanceWindows: status, Events, and the plan ConfigMap of each namespace.
In a Pod it uses the service account; elsewhere $KUBECONFIG, else ~/.kube/config.
"""


def main() -> None:
    """Run until a signal comes; exit 1 where the cluster lacks what the operator needs."""
    arguments = _parse()
    logging.basicConfig(level=arguments.log_level, format="%(asctime)s %(levelname)s %(message)s")
    if arguments.log_level != "DEBUG":  # kopf tells of every task and event of its own
        logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(_operate(arguments.host, arguments.port))
    except CannotStart as error:
        logger.error("%s", error)
        sys.exit(1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m fastapi_maintenance_operator", description=_DESCRIPTION
    )
    parser.add_argument("--host", default="0.0.0.0", help="where probes are served: %(default)s")  # noqa: S104
    parser.add_argument("--port", type=int, default=8080, help="port of the probes: %(default)s")
    parser.add_argument(
        "--log-level",
        default="INFO",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        help="default: %(default)s",
    )
    return parser.parse_args()


async def _operate(host: str, port: int) -> None:
    async with client.ApiClient(await _log_in()) as api_client:
        api = ClusterApi(api_client)
        await check(api)
        controller = Controller(api, Rounds(ProcessApi(api_client)))
        async with serve_probes(controller, host, port):
            await _run_both(controller)


async def _log_in() -> client.Configuration:
    """Credentials of the Pod, or else of a kubeconfig; both are read again as they are renewed."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise CannotStart(
                f"no cluster: not in a Pod, and no kubeconfig ({error}): set KUBECONFIG"
            ) from error
        configuration.refresh_api_key_hook = _Renewal()
    return configuration


class _Renewal:
    """Reads a kubeconfig again when its credentials are a minute old, as for a Pod's token."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _RENEW_SECONDS

    async def __call__(self, configuration: client.Configuration) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _RENEW_SECONDS
            await config.load_kube_config(client_configuration=configuration)


async def _run_both(controller: Controller) -> None:
    """kopf watches, the controller reconciles; when one of them ends, so does the other."""
    reconciling = asyncio.create_task(controller.run())
    watching = asyncio.create_task(
        kopf.operator(registry=make_registry(controller), standalone=True, clusterwide=True)
    )
    done, pending = await asyncio.wait({reconciling, watching}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


if __name__ == "__main__":
    main()
