"""A clear refusal to start where the cluster lacks what the operator needs."""

from __future__ import annotations

import asyncio
import logging

from kubernetes_asyncio.client import ApiException

from fastapi_maintenance.windows import GROUP, PLURAL

from .api import FAILURES, ClusterApi, message_of

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class CannotStart(Exception):
    """Why the operator can't run here, and the mend."""


async def check(api: ClusterApi) -> None:
    """Return when windows and plans can be listed.

    A server that is away or busy is asked again: after a CRD is installed, its storage is not there
    at once.

    Raises:
        CannotStart: only a person can mend it.
    """
    while True:
        try:
            await api.list_plans()
            await api.list_windows()
            return
        except FAILURES as error:
            if isinstance(error, ApiException) and error.status in (401, 403, 404):
                raise CannotStart(_explain(error)) from error
            logger.warning("the API server is not ready: %s; trying again", message_of(error))
            await asyncio.sleep(_RETRY_SECONDS)


def _explain(error: ApiException) -> str:
    if error.status == 404:
        return f"the CRD {PLURAL}.{GROUP} is not installed: kubectl apply --server-side -f crds/"
    if error.status == 403:
        return f"a right is missing: {message_of(error)}: bind the chart's ClusterRole"
    return f"the API server does not accept the operator's credentials: {message_of(error)}"
