"""A clear refusal to start where the cluster lacks what the operator needs."""

from __future__ import annotations

from kubernetes_asyncio.client import ApiException

from fastapi_maintenance.windows import GROUP, PLURAL

from .api import FAILURES, ClusterApi, message_of


class CannotStart(Exception):
    """Why the operator can't run here, and the mend."""


async def check(api: ClusterApi) -> None:
    """Raise CannotStart unless windows and plans can be listed."""
    try:
        await api.list_windows()
        await api.list_plans()
    except ApiException as error:
        raise CannotStart(_explain(error)) from error
    except FAILURES as error:
        raise CannotStart(f"the API server can't be reached: {message_of(error)}") from error


def _explain(error: ApiException) -> str:
    if error.status == 404:
        return f"the CRD {PLURAL}.{GROUP} is not installed: kubectl apply --server-side -f crds/"
    if error.status == 403:
        return f"a right is missing: {message_of(error)}: bind the chart's ClusterRole"
    return f"the API server answered {error.status}: {message_of(error)}"
