"""Who a process is to the API server, and where that is: in a Pod, or by a kubeconfig.

In a Pod the token and the CA bundle are read from their files whenever they are needed, since the
kubelet replaces both while the process runs.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import importlib.util
import os
import ssl
import weakref
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastapi_maintenance.backends.forks import ForkLock

MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
KUBECONFIG_VARIABLE = "FASTAPI_MAINTENANCE_KUBECONFIG"
_VARIABLES = (KUBECONFIG_VARIABLE, "KUBECONFIG")
USUAL = "~/.kube/config"
"""Where a kubeconfig is that nothing names."""
_LOOK_AGAIN_AFTER = 0.01
"""Seconds between two looks whether another thread has loaded what is needed here, too."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one request needs."""

    server: str
    ssl_context: ssl.SSLContext
    authorization: str | None = None
    """The header; None where a client certificate says who asks, or nobody has to."""
    proxy: str | None = None
    tls_server_name: str | None = None
    """The name in the server's certificate, where it is not the one in its URL."""
    headers: tuple[tuple[str, str], ...] = ()
    """More that goes with each request: as whom to act."""


class Identity(Protocol):
    """Where the API server is and how to prove who asks; for any thread of a process."""

    @property
    def key(self) -> Hashable:
        """Equal for identities that are the same account of the same server."""

    @property
    def namespace(self) -> str:
        """The namespace that the process belongs to."""

    async def access(self) -> Access:
        """The present credentials. May raise OSError or ValueError while files are replaced."""

    def renew(self, refused: Access) -> None:
        """Forget what is kept, if it is still what the server has refused."""


class PodIdentity:
    """The service account that the kubelet mounts into a Pod."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        host, port = os.environ[_HOST], os.environ[_PORT]
        # An IPv6 address stands in brackets in a URL.
        self._server = f"https://{f'[{host}]' if ':' in host else host}:{port}"

    @staticmethod
    def is_present(mount: Path) -> bool:
        """Whether this process runs in a Pod with a service account."""
        named = all(os.environ.get(name) for name in (_HOST, _PORT))  # as for client-go
        return named and (mount / "token").exists()

    @property
    def key(self) -> Hashable:
        """One Pod has one service account."""
        return self._server, self._mount

    @property
    def namespace(self) -> str:
        """The Pod's namespace."""
        return (self._mount / "namespace").read_text().strip()

    async def access(self) -> Access:
        """Token and CA as they are mounted now."""
        context = _trusting((self._mount / "ca.crt").read_text())
        token = (self._mount / "token").read_text().strip()
        return Access(self._server, context, f"Bearer {token}")

    def renew(self, refused: Access) -> None:
        """Nothing is kept."""


class _Credentials:
    """Those of one context, for all threads of this process that need them."""

    def __init__(self) -> None:
        self._access: Access | None = None
        self._loading = ForkLock()

    async def get(self, load: Callable[[], Awaitable[Access]]) -> Access:
        """What is kept, else what is loaded: by one thread, while all others wait for it.

        A plugin that asks a person to log in must not do so twice.
        """
        while (access := self._access) is None:
            if self._loading.acquire(blocking=False):
                try:
                    self._access = self._access or await load()
                finally:
                    self._loading.release()
            else:
                await asyncio.sleep(_LOOK_AGAIN_AFTER)
        return access

    def forget(self, refused: Access) -> None:
        """Load them again, unless that was done since."""
        if self._access is refused:
            self._access = None


class KubeconfigIdentity:
    """A context of a kubeconfig, exec plugins and OIDC included: kubernetes-asyncio reads it.

    Args:
        path: of the file; as a variable has it, several.
        context: its name; None is the current one.
        named_by: what names the path, for people.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        context: str | None,
        named_by: str = "kubeconfig=",
    ) -> None:
        if importlib.util.find_spec("kubernetes_asyncio") is None:
            raise ImportError("a kubeconfig needs: pip install 'fastapi-maintenance[cli]'")
        named = {named_by: path} | {name: os.environ.get(name) for name in _VARIABLES}
        self._named_by = next((name for name, value in named.items() if value), None)
        self._path = str(named[self._named_by] if self._named_by else USUAL)
        self._context = context
        with _registering:
            self._credentials = _shared.setdefault(self.key, _Credentials())

    @property
    def key(self) -> Hashable:
        """A context of a file; the current one may change, and is then read anew by all."""
        return self._file, self._context

    @property
    def namespace(self) -> str:
        """The namespace of the context, else ``default``."""
        from kubernetes_asyncio import config

        self._check_is_there()
        contexts, active = config.list_kube_config_contexts(self._file)
        name = self._context or (active or {}).get("name")
        found = next((c["context"] for c in contexts if c["name"] == name), None)
        if found is None:
            known = ", ".join(c["name"] for c in contexts)
            by = f" (named by {self._named_by})" if self._named_by else ""
            raise ValueError(f"{self._path}{by} has no context {name!r}; it has: {known}")
        return str(found.get("namespace") or "default")

    async def access(self) -> Access:
        """Credentials of the context, kept until the server refuses them."""
        return await self._credentials.get(self._load)

    def renew(self, refused: Access) -> None:
        """Read the kubeconfig, its files and its plugins again, unless that was done since."""
        self._credentials.forget(refused)

    @property
    def _file(self) -> str:
        return str(Path(self._path).expanduser())

    def _check_is_there(self) -> None:
        """Of several files some may be missing, as for kubectl."""
        if not any(Path(path).expanduser().is_file() for path in self._path.split(os.pathsep)):
            by = f"{self._named_by} names" if self._named_by else "the usual place is"
            raise ValueError(f"{by} {self._path}, where no file is")

    async def _load(self) -> Access:
        from . import kubeconfig

        self._check_is_there()
        try:
            configuration, headers = await kubeconfig.load(self._file, self._context)
            tls = _context_of(configuration)
        except ssl.SSLError as cause:
            problem = "its certificates, or its key, can't be used"
            raise ValueError(f"{self}: {problem}: {cause}") from cause
        except Exception as cause:  # files, YAML and plugins each fail in their own way
            raise ValueError(f"{self}: {cause}") from cause
        # Which may be a Basic one; a token's file often ends with a newline.
        authorization = await configuration.get_api_key_with_prefix("BearerToken")
        return Access(
            server=str(configuration.host),
            ssl_context=tls,
            authorization=authorization.strip() if authorization else None,
            proxy=configuration.proxy,
            tls_server_name=configuration.tls_server_name,
            headers=headers,
        )

    def __str__(self) -> str:
        return f"context {self._context or '(current)'} of {self._path}"


def find_identity(
    context: str | None, kubeconfig: str | os.PathLike[str] | None
) -> PodIdentity | KubeconfigIdentity | None:
    """The identity of this process; None outside a Pod unless a kubeconfig is asked for.

    An implicit kubeconfig is never used: a laptop must not watch production by accident.
    """
    if context or kubeconfig or os.environ.get(KUBECONFIG_VARIABLE):
        return KubeconfigIdentity(kubeconfig, context)
    return PodIdentity(MOUNT) if PodIdentity.is_present(MOUNT) else None


@functools.lru_cache(maxsize=4)
def _trusting(authorities: str) -> ssl.SSLContext:
    """A TLS context for a CA bundle, made once for each: that is dear."""
    return _as_lenient_as_kubernetes(ssl.create_default_context(cadata=authorities))


def _context_of(configuration: Any) -> ssl.SSLContext:
    paths = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    contents = b"\0".join(Path(path).read_bytes() if path else b"" for path in paths)
    digest = hashlib.sha256(contents).digest()
    return _context_for(paths, digest, bool(configuration.verify_ssl))


@functools.lru_cache(maxsize=4)
def _context_for(paths: tuple[str | None, ...], digest: bytes, verify: bool) -> ssl.SSLContext:
    """A TLS context for a CA bundle, a certificate and its key, made anew when one is another."""
    del digest
    authorities, certificate, key = paths
    context = _as_lenient_as_kubernetes(ssl.create_default_context(cafile=authorities))
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def _as_lenient_as_kubernetes(context: ssl.SSLContext) -> ssl.SSLContext:
    """Python 3.13 refuses CAs without extensions that RFC 5280 asks for, and many clusters' have
    none: Go, and so every other client of theirs, takes them."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


_registering = ForkLock()
_shared: weakref.WeakValueDictionary[Hashable, _Credentials] = weakref.WeakValueDictionary()
