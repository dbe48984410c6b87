"""What is known stays, and is right again soon, whatever becomes of a real API server.

Numbers are those of the behaviours that tests/unit/test_behaviours.py lists.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import pytest

from fastapi_maintenance.backends.kubernetes import K8sBackend, identity
from fastapi_maintenance.backends.kubernetes.identity import PodIdentity
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.windows import OFF
from tests.cluster.following import (
    BRISK,
    IMPATIENT,
    ROLE,
    Following,
    by_kubeconfig,
    create,
    delete,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PATIENCE = 15.0
"""Seconds for what is promised within one or two: a slow machine makes a test slower, not red."""
EACH_SECOND = replace(BRISK, watch=(1, 1))
"""Rights and tokens are looked at when a watch begins."""


@pytest.fixture
def account(service_account: ServiceAccounts) -> Identity:
    """A service account that may follow windows and switch."""
    return service_account("orders", cluster_role=ROLE)


@pytest.fixture
def pod(account: Identity, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> PodIdentity:
    """The same, as it is mounted into a Pod."""
    server = urlsplit(cluster.endpoint["server"])
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    monkeypatch.setattr(identity, "MOUNT", account.folder)
    return PodIdentity(account.folder)


@pytest.mark.owns_control_plane
def test_04_a_410_in_the_stream_is_listed_anew(
    account: Identity, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A server that was killed and started again has forgotten what came before its start."""
    create(kubectl, namespace, "before")
    with Following(by_kubeconfig(account)) as following:
        following.wait_for_names("before")
        following.log.held = True  # else a server that is not ready yet refuses in other ways
        create(kubectl, "default", f"moves-the-version-on-{namespace}")
        control_plane.apiserver.kill()
        following.wait_for(lambda: following.health.last_error, "the failure to be noticed")
        control_plane.apiserver.start()
        create(kubectl, namespace, "after")
        delete(kubectl, "default", f"moves-the-version-on-{namespace}")
        assert following.names == {"before"}
        following.log.held = False
        following.wait_for_names("before", "after")
        assert following.log.failed[-1] == "in stream: 410"
        (_, version), *then = following.log.asked[-3:]  # a bookmark may have moved it meanwhile
        assert then == [("list", version), ("watch", following.stores[0].version)]
        following.wait_for(lambda: following.health.last_error is None, "all to be well")


def test_09_a_401_reads_the_token_anew(
    account: Identity, pod: PodIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """Its account is deleted and made again: the old token is worthless, the new one is used."""
    create(kubectl, namespace, "kept")
    with Following(pod, pace=EACH_SECOND) as following:
        following.wait_for_names("kept")
        kubectl("delete", "serviceaccount", "orders", "-n", namespace)
        following.wait_for(lambda: "401" in str(following.health.last_error), "the refusal", 60)
        assert following.names == {"kept"}
        kubectl("create", "serviceaccount", "orders", "-n", namespace)
        account.renew()
        create(kubectl, namespace, "later")
        following.wait_for_names("kept", "later")
        following.wait_for(lambda: following.health.last_error is None, "all to be well")


def test_10_a_403_is_visible_and_keeps_the_last_state(
    account: Identity, kubectl: Kubectl, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A RoleBinding that is dropped is logged once, with the command that brings it back."""
    create(kubectl, namespace, "kept")
    with Following(by_kubeconfig(account), pace=EACH_SECOND) as following:
        following.wait_for_names("kept")
        account.unbind()
        following.wait_for(lambda: "403" in str(following.health.last_error), "the refusal")
        tries = len(following.log.failed)
        following.wait_for(lambda: len(following.log.failed) > tries + 2, "more tries")
        assert following.names == {"kept"}
        errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
        (error,) = [message for message in errors if namespace in message]  # others' are not ours
        grant = error[error.index("kubectl -n") : error.index(";", error.index("kubectl -n"))]
        assert f"--serviceaccount={namespace}:orders" in grant
        kubectl(*grant.split()[1:])
        create(kubectl, namespace, "later")
        following.wait_for_names("kept", "later")


@pytest.mark.owns_control_plane
def test_17_a_connection_that_is_half_open_is_found(
    account: Identity, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A frozen server keeps all connections; the timer is the shorter here, and below 90 s else."""
    assert Pace().idle[1] < 90
    create(kubectl, namespace, "before")
    with Following(by_kubeconfig(account), pace=IMPATIENT) as following:
        following.wait_for_names("before")
        following.wait_for(lambda: following.log.opened, "the watch to be open")
        control_plane.apiserver.pause()
        paused = time.monotonic()
        following.wait_for(
            lambda: "nothing came for 2 s" in str(following.log.failed), "it to be found"
        )
        assert time.monotonic() - paused < PATIENCE
        following.wait_for(
            lambda: "no connection within" in str(following.log.failed), "the next try to end"
        )
        assert following.names == {"before"}
        control_plane.apiserver.resume()
        control_plane.apiserver.wait_ready()
        create(kubectl, namespace, "after")
        following.wait_for_names("before", "after")


@pytest.mark.parametrize(("unsynced", "refuses"), [("serve", False), ("refuse", True)])
def test_24_one_that_never_synced_does_as_configured_and_says_so(
    unsynced: str, refuses: bool, service_account: ServiceAccounts
) -> None:
    """An account without any right: its first list is refused again and again."""
    backend = K8sBackend(
        "orders",
        kubeconfig=service_account("nobody").kubeconfig,
        sync_timeout=0.5,
        before_first_sync=unsynced,  # type: ignore[arg-type]
    )
    try:
        anyio.run(backend.wait_until_ready)
        assert (backend.state() != OFF) is refuses
        health = wait_for(backend.health, what="its health")
        assert health is not None
        assert (health.synced, health.age, health.objects) == (False, None, 0)
        wait_for(lambda: "403" in str(backend.health()), what="the reason")
    finally:
        backend.close()


def belongings() -> set[object]:
    """Threads and open sockets of this process."""
    found: set[object] = set(threading.enumerate())
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that by which the folder itself is read
            link = str(path.readlink())
            found |= {link} if link.startswith("socket:") else set()
    return found


@pytest.mark.owns_control_plane
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sockets are counted by /proc")
def test_25_it_ends_within_a_second_and_leaves_nothing_behind(
    account: Identity, control_plane: ControlPlane
) -> None:
    """Neither while all is well nor while the server is frozen, or while it is tried again."""
    by_kubeconfig(account)  # what is imported for it has no sockets, but threads
    before = belongings()

    def ends() -> None:
        began = time.monotonic()
        following.watcher.close()
        # Less than before is no matter: others' may end meanwhile.
        wait_for(lambda: belongings() <= before, PATIENCE, "nothing to be left behind")
        assert time.monotonic() - began < PATIENCE

    for source in ("maintenancewindow", "configmap"):
        following = Following(by_kubeconfig(account), source=source)
        with following:
            following.wait_for(lambda: following.health.synced, "the first list")  # noqa: B023
            ends()
    following = Following(by_kubeconfig(account), pace=IMPATIENT)
    with following:
        following.wait_for(lambda: following.log.opened, "the watch to be open")
        control_plane.apiserver.pause()
        following.wait_for(lambda: following.health.last_error, "the failure to be noticed")
        ends()


def test_26_proxies_of_the_environment_are_ignored(
    pod: PodIdentity, kubectl: Kubectl, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One where nobody listens would let nothing through."""
    create(kubectl, namespace, "seen")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelled in (name, name.lower()):
            monkeypatch.setenv(spelled, "http://127.0.0.1:1")
    with Following(pod) as following:
        following.wait_for_names("seen")
        assert following.log.failed == []


def test_a_ca_that_is_replaced_while_it_runs_is_trusted_from_the_next_request_on(
    account: Identity, pod: PodIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """A wrong one is told, and keeps what is known; the right one mends it."""
    import trustme

    right = (account.folder / "ca.crt").read_bytes()
    create(kubectl, namespace, "kept")
    with Following(pod, pace=EACH_SECOND) as following:
        following.wait_for_names("kept")
        (account.folder / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
        following.wait_for(
            lambda: "certificate verify failed" in str(following.health.last_error), "the refusal"
        )
        assert following.names == {"kept"}
        (account.folder / "ca.crt").write_bytes(right)
        delete(kubectl, namespace, "kept")
        following.wait_for_names()
        following.wait_for(lambda: following.health.last_error is None, "all to be well")
