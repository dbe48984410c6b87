"""set_maintenance_mode on a real API server: what it writes, by which rights, and when not."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

import pytest
import yaml

from fastapi_maintenance import K8sBackend, StateNotWritten, maintenance_mode_on
from fastapi_maintenance.backends.kubernetes import blocks as blocks_module
from fastapi_maintenance.windows import GROUP
from tests.chart import render
from tests.cluster.application import Application
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.kubectl import Kubectl

Source = Literal["configmap", "maintenancewindow"]

APPLICATION = "fastapi-maintenance-application"
WRITER = "fastapi-maintenance-writer"


def rules(role: str) -> list[dict[str, Any]]:
    """What a role of the chart allows."""
    found: list[dict[str, Any]] = next(
        item["rules"] for item in render() if item["metadata"]["name"] == role
    )
    return found


class Rights:
    """What an application that writes may do, in a role of its own from which a verb can go."""

    def __init__(self, kubectl: Kubectl, account: Identity) -> None:
        self._kubectl = kubectl
        self._account = account
        self._role = f"{account.namespace}-writes"
        self._apply(rules(WRITER))
        account.bind(self._role)
        self._await("maintenancewindows", "create", True)

    def without(self, resource: str, verb: str) -> None:
        """Take one verb away."""
        kept = copy.deepcopy(rules(WRITER))
        for rule in kept:
            if resource in rule["resources"]:
                rule["verbs"].remove(verb)
        self._apply(kept)
        self._await(resource, verb, False)

    def restore(self, resource: str, verb: str) -> None:
        """Give it back."""
        self._apply(rules(WRITER))
        self._await(resource, verb, True)

    def remove(self) -> None:
        """Remove the role, which is no part of the test's namespace."""
        self._kubectl("delete", "clusterrole", self._role)

    def _apply(self, kept: list[dict[str, Any]]) -> None:
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": self._role},
            "rules": rules(APPLICATION) + kept,
        }
        self._kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump(role))

    def _await(self, resource: str, verb: str, allowed: bool) -> None:
        group = GROUP if resource == "maintenancewindows" else ""
        name = "fastapi-maintenance" if resource == "configmaps" else ""
        wait_for(
            lambda: self._account.may(verb, resource, group, name=name) is allowed,
            what=f"{verb} {resource} to be {'allowed' if allowed else 'forbidden'}",
        )


@pytest.fixture
def account(service_account: ServiceAccounts) -> Identity:
    """An application, without any right."""
    return service_account("orders")


@pytest.fixture
def rights(kubectl: Kubectl, account: Identity) -> Iterator[Rights]:
    """Those to read and to write."""
    rights = Rights(kubectl, account)
    yield rights
    rights.remove()


def backend_of(account: Identity, source: Source = "maintenancewindow") -> K8sBackend:
    return K8sBackend("orders", source=source, kubeconfig=account.kubeconfig)


def turn(backend: K8sBackend, value: bool) -> None:
    asyncio.run(backend.set_value(value))


def is_turned(backend: K8sBackend) -> bool:
    """Whether it can be written."""
    turn(backend, True)
    return True


def objects(kubectl: Kubectl, namespace: str, kind: str) -> list[dict[str, Any]]:
    shown = kubectl("get", kind, "-n", namespace, "-o", "json", "--show-managed-fields")
    items: list[dict[str, Any]] = json.loads(shown.stdout)["items"]
    return items


def managers(item: dict[str, Any]) -> set[str]:
    return {entry["manager"] for entry in item["metadata"]["managedFields"]}


@pytest.mark.usefixtures("rights")
def test_the_configmap_is_made_and_only_the_apps_key_written(
    kubectl: Kubectl, namespace: str, account: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    backend = backend_of(account, "configmap")
    turn(backend, True)
    kubectl(
        *("patch", "configmap", "fastapi-maintenance", "-n", namespace, "--type=merge"),
        *("-p", '{"data": {"maintenance.billing": "read-only"}}'),
    )
    turn(backend, False)
    (item,) = (
        item
        for item in objects(kubectl, namespace, "configmap")
        if item["metadata"]["name"] == "fastapi-maintenance"
    )
    assert item["data"] == {"maintenance.orders": "off", "maintenance.billing": "read-only"}
    assert "fastapi-maintenance" in managers(item)
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    writing = f"writing to namespace {namespace} by context (current) of "
    assert any(message.startswith(writing) for message in warned)


@pytest.mark.usefixtures("rights")
def test_the_window_is_made_and_deleted(
    kubectl: Kubectl, namespace: str, account: Identity
) -> None:
    backend = backend_of(account)
    for _ in range(2):
        turn(backend, True)
        (item,) = objects(kubectl, namespace, "mw")
    assert item["metadata"]["name"] == "orders-switch"
    assert item["metadata"]["generation"] == 1
    assert "fastapi-maintenance" in managers(item)
    for _ in range(2):
        turn(backend, False)
        assert objects(kubectl, namespace, "mw") == []


@pytest.mark.usefixtures("rights")
@pytest.mark.parametrize("source", ["configmap", "maintenancewindow"])
def test_a_change_governs_the_next_request_and_a_stale_cache_does_not_undo_it(
    account: Identity, source: Source
) -> None:
    """A new process, so to say, reads at once what it has just written.

    Each source in a namespace of its own: an operator that runs there would plan the windows of
    the one for the other, and take them out of the plan a moment after they have gone.
    """

    async def write_then_read() -> list[bool]:
        said = []
        for _ in range(5):
            backend = backend_of(account, source)
            for value in (True, False):
                await backend.set_value(value)
                said.append(await backend.get_value())
            backend.close()
        return said

    assert asyncio.run(write_then_read()) == [True, False] * 5


# Rights


def switch_off(backend: K8sBackend) -> None:
    turn(backend, True)
    turn(backend, False)


@pytest.mark.parametrize(
    ("source", "resource", "verb", "said"),
    [
        ("configmap", "configmaps", "patch", "cannot patch"),
        ("configmap", "configmaps", "create", "cannot create"),
        ("maintenancewindow", "maintenancewindows", "create", "cannot create"),
        ("maintenancewindow", "maintenancewindows", "delete", "cannot delete"),
    ],
)
def test_each_right_of_the_writer_is_needed_for_the_switch(
    account: Identity, rights: Rights, source: Source, resource: str, verb: str, said: str
) -> None:
    """Without one of them, and for want of it alone, the switch can't be turned on and off."""
    rights.without(resource, verb)
    with pytest.raises(StateNotWritten, match=said):
        switch_off(backend_of(account, source))
    rights.restore(resource, verb)
    switch_off(backend_of(account, source))


def test_without_the_right_to_patch_windows_a_block_is_not_renewed(
    account: Identity,
    rights: Rights,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(blocks_module, "_RENEW_EVERY", (0.0, 0.1))
    rights.without("maintenancewindows", "patch")
    with maintenance_mode_on(backend_of(account)):
        wait_for(lambda: "can't be renewed: a right is missing" in caplog.text, what="the log")
    assert "--clusterrole=fastapi-maintenance-writer" in caplog.text
    assert 'cannot patch resource "maintenancewindows"' in caplog.text


def test_the_commands_of_the_errors_grant_what_is_missing(
    kubectl: Kubectl, service_account: ServiceAccounts
) -> None:
    account = service_account("orders", cluster_role=APPLICATION)
    with pytest.raises(StateNotWritten, match="to grant it") as failed:
        turn(backend_of(account, "configmap"), True)
    command = str(failed.value).partition("to grant it: ")[2]
    kubectl(*command.split()[1:])
    wait_for(lambda: is_turned(backend_of(account, "configmap")), what="the right")
    with maintenance_mode_on(backend_of(account)):
        pass


# A fleet


@pytest.mark.usefixtures("rights")
@pytest.mark.parametrize("value", [True, False])
def test_a_rolling_update_does_not_turn_its_fleets_switch(
    account: Identity, tmp_path: Path, value: bool
) -> None:
    """Processes that turn it off when they start, and on when they end, as is documented."""
    with ExitStack() as ending:

        def start(number: int) -> Application:
            log = tmp_path / f"{number}.log"
            app = Application(account, log, "configmap", app="shop:app", SEED="1")
            ending.callback(app.stop)
            app.start()
            return app

        fleet = [start(number) for number in range(2)]
        fleet[0].client.post(f"/switch/{str(value).lower()}").raise_for_status()
        code = 503 if value else 200
        for app in fleet:
            app.wait_for_code(code)
        for number in range(2):
            new = start(2 + number)
            assert new.get().status_code == code  # from its first request on
            fleet[number].stop()
            fleet.append(new)
            assert [app.get().status_code for app in fleet[number + 1 :]] == [code, code]
        log = fleet[0].output()
    assert log.count("maintenance is not turned off while this application starts") == 1
    assert log.count("maintenance is not turned on while this application ends") == 1
