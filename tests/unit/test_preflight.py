"""Before it begins, the operator finds out whether it can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes_asyncio import client

from fastapi_maintenance_operator import preflight
from fastapi_maintenance_operator.preflight import CannotStart, check, warn_of_others
from fastapi_maintenance_operator.rights import CLUSTER, ELECTION, RESOURCES, WORK, Right

pytestmark = pytest.mark.anyio

Attributes = dict[str, str]


class ScriptedServer(client.ApiClient):
    """Serves our group, and grants what `grants` says."""

    def __init__(self) -> None:
        super().__init__(client.Configuration())
        self.grants: Callable[[Attributes], bool] = lambda _: True
        self.served = list(RESOURCES)
        self.asked: list[Attributes] = []
        self.failures: list[Exception] = []

    async def call_api(self, resource_path: str, method: str, *args: Any, **kwargs: Any) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        if resource_path.endswith("selfsubjectaccessreviews"):
            attributes = kwargs["body"]["spec"]["resourceAttributes"]
            self.asked.append(attributes)
            return SimpleNamespace(status=SimpleNamespace(allowed=self.grants(attributes)))
        if resource_path.endswith("{version}"):
            return SimpleNamespace(resources=[SimpleNamespace(name=n) for n in self.served])
        return {"items": []}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    await made.close()


async def refusal(server: ScriptedServer, namespace: str | None = None) -> str:
    with pytest.raises(CannotStart) as refused:
        await check(server, namespace, "ops")
    return str(refused.value)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_RETRY_SECONDS", 0.0)


@pytest.mark.parametrize("right", WORK + CLUSTER + ELECTION, ids=lambda right: right.resource)
async def test_a_missing_right_is_named_as_the_rule_that_grants_it(
    right: Right, server: ScriptedServer
) -> None:
    lacking = right.verbs[-1]
    resource, _, subresource = right.resource.partition("/")

    def grants(asked: Attributes) -> bool:
        same = (asked["resource"], asked["subresource"]) == (resource, subresource)
        return not (same and asked["verb"] == lacking)

    server.grants = grants
    said = await refusal(server)
    place = "in namespace ops" if right in ELECTION else "in all namespaces"
    assert said == (
        f"rights are missing: {right.rule(lacking)} {place}: "
        "bind the chart's ClusterRole to this account"
    )


async def test_all_missing_rights_are_named_at_once(server: ScriptedServer) -> None:
    server.grants = lambda _: False
    said = await refusal(server, "shop")
    assert all(f"{right.rule()} in namespace shop" in said for right in WORK)
    assert all(f"{right.rule()} in namespace ops" in said for right in ELECTION)
    assert said.endswith("bind the chart's Role to this account")


@pytest.mark.parametrize("namespace", [None, "shop"], ids=["all", "one"])
async def test_rights_are_asked_for_where_they_are_needed(
    namespace: str | None, server: ScriptedServer
) -> None:
    await check(server, namespace, "ops")
    places = {asked["resource"]: asked["namespace"] for asked in server.asked}
    assert places.pop("leases") == "ops"
    assert set(places.values()) == {namespace or ""}
    needed = WORK + ELECTION if namespace else WORK + CLUSTER + ELECTION
    assert len(server.asked) == sum(len(right.verbs) for right in needed)


async def test_a_missing_crd_is_named_with_the_command_that_installs_it(
    server: ScriptedServer,
) -> None:
    server.served = []
    said = await refusal(server)
    for plural in RESOURCES:
        assert f"{plural}.fastapi-maintenance.io" in said
    assert "kubectl apply --server-side -f crds/" in said


async def test_a_group_that_is_not_served_has_no_crds(server: ScriptedServer) -> None:
    server.failures = [client.ApiException(status=404)]
    assert "not installed" in await refusal(server)


async def test_credentials_that_are_refused_are_no_matter_of_waiting(
    server: ScriptedServer,
) -> None:
    server.failures = [client.ApiException(status=401, reason="Unauthorized")]
    assert "does not accept the credentials: Unauthorized" in await refusal(server)


@pytest.mark.parametrize(
    "failure",
    [client.ApiException(status=503), client.ApiException(status=429), OSError("away")],
    ids=["busy", "throttled", "away"],
)
async def test_a_server_that_is_not_ready_is_asked_again(
    failure: Exception, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """After a CRD is installed, its storage is not there at once."""
    server.failures = [failure, failure]
    async with asyncio.timeout(5):
        await check(server, None, "ops")
    assert caplog.text.count("the API server is not ready") == 2


async def test_whoever_may_not_list_leases_is_warned_of_nobody(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """To start needs no right beyond its own Lease."""
    server.failures = [client.ApiException(status=403)]
    await warn_of_others(server, None, "ops")
    assert not server.failures
    assert not caplog.records
