"""Plugins of a kubeconfig, which give credentials."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.transport import Transport, Unreachable
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.name != "posix", reason="plugins are scripts here"),
]

VERSION = "client.authentication.k8s.io/v1"
SERVER = "https://127.0.0.1:1"
Make = Callable[..., KubeconfigIdentity]


def credential(**status: str) -> str:
    """What a plugin is to say."""
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})


@pytest.fixture
def named(tmp_path: Path) -> Make:
    """Makes the identity that a shell script gives, which lies beside the kubeconfig."""

    def make(
        script: str, cluster: dict[str, object] | None = None, **settings: object
    ) -> KubeconfigIdentity:
        plugin, path = tmp_path / "plugin", tmp_path / "config"
        plugin.write_text(f"#!/bin/sh\ncd '{tmp_path}'\n{script}\n")
        plugin.chmod(0o700)
        user = {"exec": {"command": "./plugin", "apiVersion": VERSION, **settings}}
        config = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": {"server": SERVER, **(cluster or {})}}],
            "users": [{"name": "x", "user": user}],
        }
        path.write_text(json.dumps(config))
        return KubeconfigIdentity(path, None)

    return make


def runs(pid: str) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
async def test_a_plugin_that_hangs_is_left_behind_by_nobody(named: Make, tmp_path: Path) -> None:
    """It would be one more with each try, for as long as what it waits for is away."""
    transport = Transport(named("echo $$ >> pids; exec sleep 1000"), Pace(credentials=4.0))
    for _ in range(2):
        with pytest.raises(Unreachable, match="credentials can't be read: TimeoutError"):
            await transport.get("/w", {})
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    wait_for(lambda: not any(map(runs, pids)), 20, "all of them to end")


async def test_a_plugin_may_say_as_much_as_it_likes(named: Make) -> None:
    """Of which only its output counts."""
    flood = "dd if=/dev/zero bs=1024 count=1024 >&2 2>/dev/null"
    access = await named(f"{flood}; echo '{credential(token='t')}'").access()
    assert access.authorization == "Bearer t"


async def test_a_plugin_may_give_a_certificate_and_a_token(named: Make) -> None:
    issued = trustme.CA().issue_cert("ann@example.com")
    pair = {
        "clientCertificateData": issued.cert_chain_pems[0].bytes().decode(),
        "clientKeyData": issued.private_key_pem.bytes().decode(),
    }
    said = base64.b64encode(credential(token="t", **pair).encode()).decode()
    found = named(f"echo {said} | base64 -d")
    assert (await found.access()).authorization == "Bearer t"


async def test_a_plugin_is_told_what_it_is_asked_for(named: Make, tmp_path: Path) -> None:
    await named(
        f"""printf %s "$KUBERNETES_EXEC_INFO" > told; echo '{credential(token="t")}'"""
    ).access()
    told = json.loads((tmp_path / "told").read_text())
    assert told == {"apiVersion": VERSION, "kind": "ExecCredential", "spec": {"interactive": False}}


async def test_a_plugin_that_asks_for_it_is_told_of_the_cluster(
    named: Make, tmp_path: Path
) -> None:
    """Also what stands in files, and what only the plugin understands."""
    authority = trustme.CA().cert_pem.bytes()
    (tmp_path / "ca.pem").write_bytes(authority)
    name = "client.authentication.k8s.io/exec"
    cluster = {
        "certificate-authority": "ca.pem",
        "tls-server-name": "kubernetes",
        "extensions": [{"name": "other", "extension": 1}, {"name": name, "extension": {"a": "b"}}],
    }
    script = f"""printf %s "$KUBERNETES_EXEC_INFO" > told; echo '{credential(token="t")}'"""
    await named(script, cluster, provideClusterInfo=True).access()
    assert json.loads((tmp_path / "told").read_text())["spec"]["cluster"] == {
        "server": SERVER,
        "tls-server-name": "kubernetes",
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "config": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo no luck >&2; exit 3", "process returned 3. no luck"),
        ("echo secret", "no ExecCredential with a status"),
        ("echo '[1]'", "no ExecCredential with a status"),
        (f"echo '{credential()}'", "neither a token nor a certificate"),
        (f"echo '{credential(clientCertificateData='x')}'", "gave no clientKeyData"),
        (f"echo '{credential(token='t').replace('/v1', '/v2')}'", "v2 does not match .*/v1"),
    ],
)
async def test_a_plugin_that_gives_nothing_of_use_is_told_of(
    named: Make, script: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        await named(script).access()
    assert "secret" not in str(caught.value)
