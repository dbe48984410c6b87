"""A plugin of a kubeconfig, which gives credentials.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

from kubernetes_asyncio.config.config_exception import ConfigException
from kubernetes_asyncio.config.exec_provider import ExecProvider
from kubernetes_asyncio.config.kube_config import ConfigNode

_OUT, _ERR = 1, 2


async def run_plugin(settings: ConfigNode, cluster: ConfigNode) -> dict[str, Any]:
    """What it gives; it ends with whoever waits for it.

    Args:
        settings: of the plugin, in the kubeconfig.
        cluster: what the kubeconfig says of the cluster.

    Raises:
        ConfigException: it gives nothing of use.
        OSError: it can't be run.
    """
    plugin = ExecProvider(settings)
    version, command = str(plugin.api_version), plugin.args[0]
    if "/" in command:
        plugin.args[0] = str(_folder(settings) / command)
    spec: dict[str, Any] = {"interactive": os.isatty(0)}
    if settings.safe_get("provideClusterInfo"):
        spec["cluster"] = _told_of(cluster)
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    environment = plugin.env | {"KUBERNETES_EXEC_INFO": json.dumps(info)}
    loop = asyncio.get_running_loop()
    # As the application's, which a plugin may ask a person by.
    process, heard = await loop.subprocess_exec(_Heard, *plugin.args, env=environment, stdin=None)
    try:
        await heard.all
    finally:
        process.close()  # which kills what still runs
        await heard.end
    if code := process.get_returncode():
        words = heard.said[_ERR].decode(errors="replace").strip()
        raise ConfigException(f"exec: process returned {code}. {words}")
    return _status(bytes(heard.said[_OUT]), version)


def _told_of(cluster: ConfigNode) -> dict[str, Any]:
    """What a plugin is told of the cluster, where it asks for that."""
    given = dict(cluster.value)
    if authorities := given.pop("certificate-authority", None):
        content = (_folder(cluster) / authorities).read_bytes()
        given.setdefault("certificate-authority-data", base64.b64encode(content).decode())
    for extension in given.pop("extensions", None) or ():
        if extension["name"] == "client.authentication.k8s.io/exec":
            given["config"] = extension["extension"]
    return given


def _folder(node: ConfigNode) -> Path:
    """Where the file is that says it: paths are relative to that."""
    return Path(str(node.path)).parent


def _status(said: bytes, version: str) -> dict[str, Any]:
    try:
        credential = json.loads(said)
        given, status = credential["apiVersion"], credential["status"]
    except (ValueError, KeyError, TypeError):  # whose words may hold a secret
        raise ConfigException("exec: the plugin gave no ExecCredential with a status") from None
    if given != version:
        raise ConfigException(f"exec: plugin api version {given} does not match {version}")
    return dict(status)


class _Heard(asyncio.SubprocessProtocol):
    """All that a process says, to its end."""

    def __init__(self) -> None:
        self.said = {_OUT: bytearray(), _ERR: bytearray()}
        self.all: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """In pieces."""
        self.said[fd] += data

    def process_exited(self) -> None:
        """It has ended; others may still hold its output."""
        self.end.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended, and nobody else holds its output."""
        if not self.all.done():
            self.all.set_result(None)
