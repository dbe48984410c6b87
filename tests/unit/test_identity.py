"""Who a process is to the API server: never by accident somebody who is logged in elsewhere."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from fastapi_maintenance import EnvVarBackend, K8sBackend
from fastapi_maintenance.backends.kubernetes import identity
from fastapi_maintenance.backends.kubernetes.identity import (
    Access,
    KubeconfigIdentity,
    PodIdentity,
    find_identity,
)
from tests.unit.making import Held, open_since_2026


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a Pod nor asked to use a kubeconfig."""
    for name in ("KUBERNETES_SERVICE_HOST", "FASTAPI_MAINTENANCE_KUBECONFIG", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kubelet mounts into a Pod, and sets."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "namespace").write_text("shop\n")
    (folder / "token").write_text("first\n")
    (folder / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    return folder


def kubeconfig(path: Path, **contexts: str | None) -> Path:
    """A kubeconfig with contexts in these namespaces; the first one is the current one."""
    server = {"server": "https://production.example:6443"}
    path.parent.mkdir(parents=True, exist_ok=True)
    named = [
        {"name": name, "context": {"cluster": "c", "user": "u", "namespace": namespace}}
        for name, namespace in contexts.items()
    ]
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(contexts)),
        "contexts": named,
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path.write_text(json.dumps(text))
    return path


@pytest.fixture
def everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig of production in every place where kubectl would find one."""
    path = kubeconfig(tmp_path / ".kube" / "config", production="shop", other=None)
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


@pytest.mark.usefixtures("everywhere")
def test_a_kubeconfig_that_merely_lies_there_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop must not watch production by accident."""
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "read-only")
    backend = K8sBackend("orders")
    backend.start()
    assert backend.health() is None
    assert backend.state() == EnvVarBackend().state()
    assert find_identity(None, None) is None


@pytest.mark.parametrize("asking", ["context", "kubeconfig", "variable"])
def test_a_kubeconfig_is_used_where_it_is_asked_for(
    asking: str, everywhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if asking == "variable":
        monkeypatch.setenv("FASTAPI_MAINTENANCE_KUBECONFIG", str(everywhere))
    context = "production" if asking == "context" else None
    found = find_identity(context, everywhere if asking == "kubeconfig" else None)
    assert isinstance(found, KubeconfigIdentity)
    assert found.namespace == "shop"


def test_a_context_is_looked_for_where_kubectl_would(
    everywhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = kubeconfig(tmp_path / "other", staging="stage")
    monkeypatch.setenv("KUBECONFIG", str(other))
    assert KubeconfigIdentity(None, "staging").namespace == "stage"
    monkeypatch.delenv("KUBECONFIG")
    assert KubeconfigIdentity(None, "production").namespace == "shop"


def test_what_is_asked_for_wins_over_the_pod(mount: Path, everywhere: Path) -> None:
    assert isinstance(find_identity("production", everywhere), KubeconfigIdentity)


def test_in_a_pod_it_is_the_service_account(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MOUNT", mount)
    found = find_identity(None, None)
    assert isinstance(found, PodIdentity)
    assert found.namespace == "shop"


def test_a_pod_without_a_token_is_no_place_to_ask_from(mount: Path) -> None:
    """As with automountServiceAccountToken: false."""
    assert PodIdentity.is_present(mount)
    (mount / "token").unlink()
    assert not PodIdentity.is_present(mount)


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_a_token_without_a_server_is_no_pod(
    mount: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable names none either."""
    monkeypatch.setattr(identity, "MOUNT", mount)
    monkeypatch.setenv(name, "")
    assert find_identity(None, None) is None
    monkeypatch.delenv(name)
    assert find_identity(None, None) is None


@pytest.mark.anyio
async def test_a_token_that_is_replaced_is_used_at_once(mount: Path) -> None:
    pod = PodIdentity(mount)
    tokens = [(await pod.access()).authorization]
    (mount / "token").write_text("second\n")
    tokens.append((await pod.access()).authorization)
    assert tokens == ["Bearer first", "Bearer second"]


@pytest.mark.anyio
async def test_a_ca_that_is_replaced_is_trusted_at_once(mount: Path) -> None:
    """And one that is not is read once: making a TLS context is dear."""
    pod = PodIdentity(mount)
    first = (await pod.access()).ssl_context
    assert (await pod.access()).ssl_context is first
    before = (mount / "ca.crt").stat()
    (mount / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    os.utime(mount / "ca.crt", (before.st_atime, before.st_mtime))
    second = (await pod.access()).ssl_context
    assert second.get_ca_certs() != first.get_ca_certs()


@pytest.mark.anyio
async def test_authorities_are_asked_for_no_more_than_by_other_clients_of_kubernetes(
    mount: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of many clusters lack an extension that Python asks for from 3.13 on."""
    make = ssl.create_default_context

    def strict(**given: str | None) -> ssl.SSLContext:
        context = make(**given)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    for found in (PodIdentity(mount), KubeconfigIdentity(path, None)):
        context = (await found.access()).ssl_context
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["token", "ca.crt"])
async def test_a_file_that_is_gone_for_a_moment_is_an_error_to_try_again_after(
    mount: Path, name: str
) -> None:
    pod = PodIdentity(mount)
    (mount / name).unlink()
    with pytest.raises(OSError, match=name):
        await pod.access()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
async def test_the_server_is_a_url_for_either_kind_of_address(
    mount: Path, host: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    assert (await PodIdentity(mount).access()).server == server


def test_the_namespace_is_that_of_the_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", production="shop", bare=None)
    namespaces = [KubeconfigIdentity(path, name).namespace for name in (None, "production", "bare")]
    assert namespaces == ["shop", "shop", "default"]


@pytest.mark.anyio
async def test_a_file_that_is_not_there_is_named_with_the_variable_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In one line, not in those of the library that would have read it."""
    missing = str(tmp_path / "none")
    monkeypatch.setenv("FASTAPI_MAINTENANCE_KUBECONFIG", missing)
    for named, by in (
        (KubeconfigIdentity(None, None), "FASTAPI_MAINTENANCE_KUBECONFIG"),
        (KubeconfigIdentity(missing, None), "kubeconfig="),
    ):
        words = re.escape(f"{by} names {missing}, where no file is")
        with pytest.raises(ValueError, match=words):
            _ = named.namespace
        with pytest.raises(ValueError, match=words):
            await named.access()
    assert caplog.records == []


@pytest.mark.anyio
async def test_a_key_that_is_none_is_an_error_of_its_context(tmp_path: Path) -> None:
    path = tmp_path / "config"
    data = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    user = {"client-certificate-data": data, "client-key-data": data}
    path.write_text(
        json.dumps(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    words = rf"of {path}: its certificates, or its key, can't be used: "
    with pytest.raises(ValueError, match=words):
        await KubeconfigIdentity(path, None).access()


def test_an_unknown_context_is_told_the_known_ones(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", production="shop", staging="shop")
    with pytest.raises(ValueError, match=r"no context 'prod'; it has: production, staging"):
        _ = KubeconfigIdentity(path, "prod").namespace


@pytest.mark.anyio
async def test_credentials_of_a_kubeconfig_are_kept_until_the_server_refuses_them(
    tmp_path: Path,
) -> None:
    path = kubeconfig(tmp_path / "config", production="shop")
    named = KubeconfigIdentity(path, None)
    first = await named.access()
    assert first.server == "https://production.example:6443"
    assert first.authorization == "Bearer secret"
    path.write_text(path.read_text().replace("secret", "renewed"))
    assert await named.access() is first
    named.renew(first)
    second = await named.access()
    assert second.authorization == "Bearer renewed"
    named.renew(first)
    assert await named.access() is second


@pytest.mark.anyio
async def test_a_kubeconfig_that_says_the_same_again_is_the_same_access(tmp_path: Path) -> None:
    """Else what was refused would be sent again at once."""
    named = KubeconfigIdentity(kubeconfig(tmp_path / "config", production="shop"), None)
    first = await named.access()
    named.renew(first)
    second = await named.access()
    assert second is not first
    assert second == first


def changed(path: Path, kind: str, **fields: object) -> Path:
    """The kubeconfig with more in its one cluster or user."""
    config = json.loads(path.read_text())
    config[f"{kind}s"][0][kind] |= fields
    path.write_text(json.dumps(config))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return kubeconfig(tmp_path / "config", production="shop")


@pytest.mark.anyio
@pytest.mark.parametrize("fields", [{}, {"token": "old"}], ids=["alone", "beside a token"])
async def test_a_token_from_a_file_has_no_newline_and_wins(
    fields: dict[str, str], path: Path, tmp_path: Path
) -> None:
    """As for kubectl: the file may be renewed."""
    (tmp_path / "token").write_text("from-a-file\n")
    config = json.loads(path.read_text())
    config["users"][0]["user"] = fields | {"tokenFile": str(tmp_path / "token")}
    path.write_text(json.dumps(config))
    assert (await KubeconfigIdentity(path, None).access()).authorization == "Bearer from-a-file"


@pytest.mark.anyio
async def test_a_name_and_a_password_are_basic_and_not_a_token(path: Path) -> None:
    config = json.loads(path.read_text())
    config["users"][0]["user"] = {"username": "ann", "password": "x"}
    path.write_text(json.dumps(config))
    assert (await KubeconfigIdentity(path, None).access()).authorization == "Basic YW5uOng="


@pytest.mark.anyio
async def test_what_a_cluster_says_of_its_way_there_is_followed(path: Path) -> None:
    changed(path, "cluster", **{"proxy-url": "http://proxy:3128", "tls-server-name": "kubernetes"})
    access = await KubeconfigIdentity(path, None).access()
    assert (access.proxy, access.tls_server_name) == ("http://proxy:3128", "kubernetes")


@pytest.mark.anyio
async def test_whom_a_user_impersonates_goes_with_each_request(path: Path) -> None:
    """As kubectl says it: else a process would have more rights than it was given."""
    extra = {"team/name": ["a", "b"]}
    fields = {"as": "ann", "as-uid": "7", "as-groups": ["dev", "ops"], "as-user-extra": extra}
    changed(path, "user", **fields)
    assert (await KubeconfigIdentity(path, None).access()).headers == (
        ("Impersonate-User", "ann"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-team%2Fname", "a"),
        ("Impersonate-Extra-team%2Fname", "b"),
    )


@pytest.mark.anyio
async def test_a_group_alone_cannot_be_impersonated(path: Path) -> None:
    """Else the process would act with all rights that its user has himself."""
    changed(path, "user", **{"as-groups": ["dev"]})
    with pytest.raises(ValueError, match="name a user"):
        await KubeconfigIdentity(path, None).access()


@pytest.mark.anyio
@pytest.mark.parametrize("skip", [True, False])
async def test_a_certificate_goes_unchecked_only_where_that_is_said(path: Path, skip: bool) -> None:
    changed(path, "cluster", **{"insecure-skip-tls-verify": skip})
    context = (await KubeconfigIdentity(path, None).access()).ssl_context
    assert context.check_hostname is not skip
    assert (context.verify_mode is ssl.CERT_NONE) is skip


@pytest.mark.anyio
async def test_a_ca_of_the_kubeconfig_itself_is_the_only_one_trusted(path: Path) -> None:
    authority = trustme.CA().cert_pem.bytes()
    changed(path, "cluster", **{"certificate-authority-data": base64.b64encode(authority).decode()})
    context = (await KubeconfigIdentity(path, None).access()).ssl_context
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.anyio
async def test_files_are_where_they_are_beside_the_kubeconfig(path: Path, tmp_path: Path) -> None:
    """As for kubectl, wherever the process was started."""
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    changed(path, "cluster", **{"certificate-authority": "ca.pem"})
    assert len((await KubeconfigIdentity(path, None).access()).ssl_context.get_ca_certs()) == 1


@pytest.mark.anyio
async def test_a_client_certificate_that_is_replaced_is_another_access(
    path: Path, tmp_path: Path
) -> None:
    files = {"client-certificate": tmp_path / "c.pem", "client-key": tmp_path / "k.pem"}

    def issue() -> None:
        issued = trustme.CA().issue_cert("ann@example.com")
        files["client-certificate"].write_bytes(issued.cert_chain_pems[0].bytes())
        files["client-key"].write_bytes(issued.private_key_pem.bytes())

    issue()
    changed(path, "cluster", **{"insecure-skip-tls-verify": True})
    changed(path, "user", **{name: str(file) for name, file in files.items()})
    named = KubeconfigIdentity(path, None)
    first = await named.access()
    issue()
    named.renew(first)
    assert await named.access() != first


@pytest.mark.skipif(os.name != "posix", reason="plugins are scripts here")
def test_a_plugin_runs_once_for_all_threads_that_need_its_token(path: Path, tmp_path: Path) -> None:
    """The watch, the reports and the writes of a process each have a thread and an event loop."""
    script, runs = tmp_path / "plugin", tmp_path / "runs"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    answer = json.dumps(credential | {"status": {"token": "$(wc -c < runs)"}}).replace('"', '\\"')
    script.write_text(f'#!/bin/sh\ncd "{tmp_path}"\nprintf x >> runs\nsleep 0.5\necho "{answer}"\n')
    script.chmod(0o700)
    plugin = {"command": str(script), "apiVersion": credential["apiVersion"]}
    config = json.loads(path.read_text())
    config["users"][0]["user"] = {"exec": plugin | {"interactiveMode": "Never"}}
    path.write_text(json.dumps(config))
    identities = [KubeconfigIdentity(path, None) for _ in range(2)] * 2

    def ask() -> list[Access]:
        with ThreadPoolExecutor(len(identities)) as pool:
            return list(pool.map(lambda each: asyncio.run(each.access()), identities))

    first = ask()
    assert {access.authorization for access in first} == {"Bearer 1"}
    for each, access in zip(identities, first, strict=True):
        each.renew(access)
    assert {access.authorization for access in ask()} == {"Bearer 2"}
    assert runs.read_text() == "xx"


@pytest.mark.usefixtures("everywhere")
def test_nothing_connects_where_a_kubeconfig_merely_lies_there(
    everywhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server listens, and counts who comes; one who asks for it does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "http://{}:{}".format(*listening.getsockname())
        everywhere.write_text(
            everywhere.read_text().replace("https://production.example:6443", address)
        )
        outside = Held(open_since_2026())
        backend = K8sBackend("orders", outside_cluster=outside)
        backend.start()
        assert backend.state() is outside.held
        listening.settimeout(0.5)
        with pytest.raises(TimeoutError):
            listening.accept()
        asked = K8sBackend("orders", context="production")
        asked.start()
        listening.settimeout(30)
        listening.accept()[0].close()
        asked.close()
        backend.close()


def empty(path: Path) -> None:
    path.write_text("")


def broken(path: Path) -> None:
    path.write_text("a: [")


@pytest.mark.anyio
@pytest.mark.parametrize("damage", [Path.unlink, empty, broken], ids=["gone", "empty", "broken"])
async def test_a_kubeconfig_that_cannot_be_read_is_named(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = kubeconfig(tmp_path / "config", production="shop")
    named = KubeconfigIdentity(path, "production")
    damage(path)
    with pytest.raises(ValueError, match=rf"(context production of|kubeconfig= names) {path}"):
        await named.access()
