"""What the operator makes of the API server's refusals."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from kubernetes_asyncio import client

from fastapi_maintenance_operator.api import ClusterApi
from fastapi_maintenance_operator.plans import PlanChanged
from fastapi_maintenance_operator.reconcile import read
from tests.unit.making import stored

pytestmark = pytest.mark.anyio

GOING = "unable to create new content in namespace shop because it is being terminated"


class Refusing(client.ApiClient):
    """Answers every request with a refusal; it never connects."""

    def __init__(self, status: int, message: str) -> None:
        self.configuration, self.default_headers = client.Configuration(), {}
        self.error = client.ApiException(status=status, reason="Refused")
        self.error.body = json.dumps({"message": message}).encode()

    async def request(self, *_: Any, **__: Any) -> None:
        raise self.error


def refusing(status: int, message: str = "") -> ClusterApi:
    """A view of such a server."""
    return ClusterApi(Refusing(status, message))


@pytest.mark.parametrize(("status", "version"), [(409, 7), (409, None), (404, 7)])
async def test_a_plan_that_is_another_or_gone_has_changed(status: int, version: int | None) -> None:
    with pytest.raises(PlanChanged):
        await refusing(status).apply_plan("shop", "{}", version)


@pytest.mark.parametrize(("status", "message"), [(404, "not found"), (403, GOING)])
async def test_a_namespace_that_is_going_needs_nothing(status: int, message: str) -> None:
    """Neither a plan nor an Event, nor a child."""
    api = refusing(status, message)
    assert await api.apply_plan("shop", "{}", None) is None
    assert await api.create_window(stored()) is None
    await api.create_event({"metadata": {"namespace": "shop"}})


async def test_what_is_refused_otherwise_is_a_failure() -> None:
    """Such as a right that is missing, or a spec that is invalid."""
    for status in (403, 422, 500):
        api = refusing(status, "forbidden")
        window = read(stored())
        for request in (
            partial(api.apply_plan, "shop", "{}", 1),
            partial(api.create_window, stored()),
            partial(api.replace_spec, window, {}),
            partial(api.delete_window, window),
            partial(api.create_event, {"metadata": {"namespace": "shop"}}),
        ):
            with pytest.raises(client.ApiException):
                await request()


async def test_a_window_that_is_gone_or_another_is_left_alone() -> None:
    """A child that changed is looked at again; to delete what changed is a failure."""
    window = read(stored())
    for status in (404, 409):
        assert await refusing(status).replace_spec(window, {}) is None
    await refusing(404).delete_window(window)
    with pytest.raises(client.ApiException):
        await refusing(409).delete_window(window)
