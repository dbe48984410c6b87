"""Every way of a kubeconfig to say who asks and how to get there, on a real API server."""

from __future__ import annotations

import base64
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from tests.cluster.following import BRISK, ROLE, Following, create
from tests.cluster.proxy import Proxy
from tests.controlplane.pki import write_kubeconfig

if TYPE_CHECKING:
    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

Config = Callable[..., KubeconfigIdentity]


@pytest.fixture
def account(service_account: ServiceAccounts) -> Identity:
    return service_account("orders", cluster_role=ROLE)


@pytest.fixture
def config(cluster: Cluster, account: Identity, namespace: str, tmp_path: Path) -> Config:
    """Makes a kubeconfig of the test's cluster, with changes; None takes a field away."""

    def make(user: dict[str, Any] | None = None, **changes: Any) -> KubeconfigIdentity:
        fields = cluster.endpoint | {name.replace("_", "-"): it for name, it in changes.items()}
        path = write_kubeconfig(
            tmp_path / "kubeconfig",
            cluster={name: it for name, it in fields.items() if it is not None},
            user=user or {"tokenFile": str(account.token_file)},
            namespace=namespace,
        )
        return KubeconfigIdentity(path, None)

    return make


@pytest.fixture
def window(kubectl: Kubectl, namespace: str) -> str:
    create(kubectl, namespace, "seen")
    return "seen"


def test_a_ca_in_the_kubeconfig_itself(cluster: Cluster, config: Config, window: str) -> None:
    authority = Path(cluster.endpoint["certificate-authority"]).read_bytes()
    data = base64.b64encode(authority).decode()
    given = config(certificate_authority=None, certificate_authority_data=data)
    with Following(given) as following:
        following.wait_for_names(window)


def test_another_ca_is_not_trusted(config: Config, window: str) -> None:
    data = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    given = config(certificate_authority=None, certificate_authority_data=data)
    with Following(given) as following:
        following.wait_for(lambda: following.health.last_error, "the refusal")
        assert "certificate verify failed" in str(following.health.last_error)
        assert following.names == set()


def test_a_server_may_go_unchecked_where_that_is_said(config: Config, window: str) -> None:
    given = config(certificate_authority=None, insecure_skip_tls_verify=True)
    with Following(given) as following:
        following.wait_for_names(window)


@pytest.mark.parametrize("name", ["localhost", "not-its-name"])
def test_the_server_has_to_have_the_name_that_is_said(
    name: str, config: Config, window: str
) -> None:
    with Following(config(tls_server_name=name)) as following:
        if name == "localhost":
            following.wait_for_names(window)
        else:
            following.wait_for(lambda: following.health.last_error, "the refusal")
            assert "certificate is not valid for 'not-its-name'" in str(following.health.last_error)


@pytest.fixture
def admin(cluster: Cluster) -> dict[str, Any]:
    """A client certificate, as an administrator has it: here that of the control plane."""
    assert cluster.control_plane is not None
    pki = cluster.control_plane.folder / "pki"
    return {
        "client-certificate-data": base64.b64encode((pki / "admin.crt").read_bytes()).decode(),
        "client-key": str(pki / "admin.key"),
    }


@pytest.mark.owns_control_plane
def test_a_client_certificate_is_enough(admin: dict[str, Any], config: Config, window: str) -> None:
    with Following(config(admin)) as following:
        following.wait_for_names(window)


@pytest.mark.owns_control_plane
@pytest.mark.parametrize("name", ["orders", "nobody"])
def test_an_administrator_who_acts_as_another_has_the_rights_of_that_one(
    name: str, admin: dict[str, Any], config: Config, namespace: str, window: str
) -> None:
    who = f"system:serviceaccount:{namespace}:{name}"
    with Following(config(admin | {"as": who})) as following:
        if name == "orders":
            following.wait_for_names(window)
        else:
            following.wait_for(lambda: following.health.last_error, "the refusal")
            assert f'User "{who}" cannot list' in str(following.health.last_error)


@pytest.fixture
def plugin(account: Identity, tmp_path: Path) -> dict[str, Any]:
    """A plugin that gives the token of the account's file, and notes that it ran."""
    script = tmp_path / "plugin"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"with open({str(tmp_path / 'runs')!r}, 'a') as runs: runs.write('run\\n')\n"
        f"token = pathlib.Path({str(account.token_file)!r}).read_text().strip()\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1',\n"
        "                  'kind': 'ExecCredential', 'status': {'token': token}}))\n"
    )
    script.chmod(stat.S_IRWXU)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}}


def test_a_plugin_is_run_once_for_all_that_is_followed_and_again_when_it_was_refused(
    plugin: dict[str, Any],
    account: Identity,
    config: Config,
    kubectl: Kubectl,
    namespace: str,
    tmp_path: Path,
) -> None:
    """Two collections begin together, and lose their token together."""

    def runs() -> int:
        return (tmp_path / "runs").read_text().count("run")

    given = config(plugin)
    with Following(given, source="configmap", pace=replace(BRISK, watch=(1, 1))) as following:
        following.wait_for(lambda: following.health.synced, "the first lists")
        assert runs() == 1
        kubectl("delete", "serviceaccount", "orders", "-n", namespace)
        following.wait_for(lambda: "401" in str(following.health.last_error), "the refusal", 60)
        kubectl("create", "serviceaccount", "orders", "-n", namespace)
        account.renew()
        before = len(following.log.asked)
        following.wait_for(lambda: following.health.last_error is None, "all to be well")
        renewed = runs()
        following.wait_for(lambda: len(following.log.asked) > before + 6, "more watches")
        assert runs() == renewed


def test_a_plugin_that_fails_is_told_with_its_own_words(config: Config, tmp_path: Path) -> None:
    script = tmp_path / "broken"
    script.write_text("#!/bin/sh\necho 'log in first' >&2\nexit 3\n")
    script.chmod(stat.S_IRWXU)
    version = "client.authentication.k8s.io/v1"
    given = config({"exec": {"apiVersion": version, "command": str(script)}})
    once = replace(BRISK, first_delay=60.0)  # a second run would be cut off by the end of this one
    with Following(given, pace=once) as following:
        following.wait_for(lambda: following.health.last_error, "the failure")
        assert "log in first" in str(following.health.last_error)


@pytest.fixture
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    made = Proxy(getattr(request, "param", None))
    yield made
    made.close()


@pytest.mark.parametrize("proxy", [None, "ann:pass word"], indirect=True, ids=["free", "by name"])
def test_a_proxy_is_gone_through_where_it_is_said(
    cluster: Cluster, proxy: Proxy, config: Config, window: str, request: pytest.FixtureRequest
) -> None:
    """List and watch, with the server's own certificate at the end of the tunnel."""
    user = "ann:pass%20word@" if "by name" in request.node.name else ""
    with Following(config(proxy_url=f"http://{user}{proxy.address}")) as following:
        following.wait_for_names(window)
        following.wait_for(lambda: following.log.count("watch"), "a watch")
        assert set(proxy.asked) == {cluster.endpoint["server"].removeprefix("https://")}
        assert following.log.failed == []


@pytest.mark.parametrize("proxy", ["ann:other"], indirect=True)
def test_a_proxy_that_refuses_is_told(proxy: Proxy, config: Config) -> None:
    with Following(config(proxy_url=f"http://{proxy.address}")) as following:
        following.wait_for(lambda: following.health.last_error, "the refusal")
        assert "the proxy answered 407" in str(following.health.last_error)


def test_a_proxy_of_a_kind_that_is_not_known_is_told(config: Config) -> None:
    with Following(config(proxy_url="socks5://127.0.0.1:1080")) as following:
        following.wait_for(lambda: following.health.last_error, "the failure")
        assert "proxy-url socks5:// is not supported" in str(following.health.last_error)
