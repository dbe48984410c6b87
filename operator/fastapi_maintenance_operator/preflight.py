"""A clear refusal to start where the cluster lacks what the operator needs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from kubernetes_asyncio import client

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .api import FAILURES, message_of
from .lease import LEASES, is_kept
from .names import LEASE
from .rights import CLUSTER, ELECTION, RESOURCES, WORK, Right

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_REQUEST_SECONDS = 10

Place = tuple[Right, str | None]
"""A right, and the namespace where it is needed; None: in all."""


class CannotStart(Exception):
    """Why the operator can't run here, and the mend."""


async def check(api_client: client.ApiClient, namespace: str | None, lease_namespace: str) -> None:
    """Return when the CRDs are served and all rights are there.

    A server that is away or busy is asked again: after a CRD is installed, its storage is not there
    at once.

    Raises:
        CannotStart: only a person can mend it; names every CRD or rule that is missing.
    """
    while True:
        try:
            await _check_resources(api_client)
            await _check_rights(api_client, namespace, lease_namespace)
            await _list_one(api_client, namespace)
            return
        except FAILURES as error:
            if isinstance(error, client.ApiException) and error.status == 401:
                raise CannotStart(
                    f"the API server does not accept the credentials: {message_of(error)}"
                ) from error
            logger.warning("the API server is not ready: %s; trying again", message_of(error))
            await asyncio.sleep(_RETRY_SECONDS)


async def warn_of_others(
    api_client: client.ApiClient, namespace: str | None, lease_namespace: str
) -> None:
    """Say which operators act beside one for all namespaces, by a Lease that is elsewhere.

    Each of them would take itself for the only one. Whoever may not list Leases is told of none,
    and of one for a single namespace nothing is known: a Lease does not say what is looked at.
    """
    if namespace:
        return
    api, only = client.CustomObjectsApi(api_client), f"metadata.name={LEASE}"
    how: dict[str, Any] = {"field_selector": only, "_request_timeout": _REQUEST_SECONDS}
    with contextlib.suppress(*FAILURES):
        found = await api.list_cluster_custom_object(*LEASES, **how)
        places = [lease["metadata"]["namespace"] for lease in found["items"] if is_kept(lease)]
        for place in sorted({*places} - {lease_namespace}):
            logger.warning(
                "another operator holds a Lease %s in namespace %s, and both would write: end one "
                "of them, or stand by for it: --lease-namespace %s",
                *(LEASE, place, place),
            )


async def _check_resources(api_client: client.ApiClient) -> None:
    served = await _served(client.CustomObjectsApi(api_client))
    missing = [f"{plural}.{GROUP}" for plural in RESOURCES if plural not in served]
    if missing:
        raise CannotStart(
            f"not installed in version {VERSION}: the CRD {', '.join(missing)}: "
            "kubectl apply --server-side -f crds/"
        )


async def _served(api: client.CustomObjectsApi) -> set[str]:
    """The plurals that the API server has of our group, which anybody may ask."""
    try:
        answer = await api.get_api_resources(GROUP, VERSION, _request_timeout=_REQUEST_SECONDS)
    except client.ApiException as error:
        if error.status == 404:
            return set()
        raise
    return {resource.name for resource in answer.resources}


async def _check_rights(
    api_client: client.ApiClient, namespace: str | None, lease_namespace: str
) -> None:
    api = client.AuthorizationV1Api(api_client)
    work = WORK if namespace else WORK + CLUSTER
    needed: list[Place] = [(right, namespace) for right in work]
    needed += [(right, lease_namespace) for right in ELECTION]
    lacking = await asyncio.gather(*(_lacking(api, right, where) for right, where in needed))
    missing = list(_sentences(zip(needed, lacking, strict=True)))
    if missing:
        role = "Role" if namespace else "ClusterRole"
        raise CannotStart(
            f"rights are missing: {'; '.join(missing)}: bind the chart's {role} to this account"
        )


def _sentences(checked: Iterable[tuple[Place, list[str]]]) -> Iterator[str]:
    for (right, where), verbs in checked:
        if verbs:
            place = f"in namespace {where}" if where else "in all namespaces"
            yield f"{right.rule(*verbs)} {place}"


async def _lacking(
    api: client.AuthorizationV1Api, right: Right, namespace: str | None
) -> list[str]:
    """The verbs of a right that this account does not have."""
    asked = [_ask(api, right, verb, namespace) for verb in right.verbs]
    allowed = await asyncio.gather(*asked)
    return [verb for verb, has in zip(right.verbs, allowed, strict=True) if not has]


async def _ask(
    api: client.AuthorizationV1Api, right: Right, verb: str, namespace: str | None
) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "verb": verb,
        "name": right.name or "",
        "namespace": namespace or "",
    }
    review: Any = {"spec": {"resourceAttributes": attributes}}
    answer = await api.create_self_subject_access_review(review, _request_timeout=_REQUEST_SECONDS)
    return bool(answer.status.allowed)


async def _list_one(api_client: client.ApiClient, namespace: str | None) -> None:
    """Raise what a list of windows ends in, if it fails."""
    api = client.CustomObjectsApi(api_client)
    how: dict[str, Any] = {"limit": 1, "_request_timeout": _REQUEST_SECONDS}
    if namespace:
        await api.list_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, **how)
    else:
        await api.list_cluster_custom_object(GROUP, VERSION, PLURAL, **how)
