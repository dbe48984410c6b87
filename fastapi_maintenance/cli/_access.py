"""Which cluster, which namespace, and as whom: as kubectl finds them out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi_maintenance.backends.kubernetes import identity as identities
from fastapi_maintenance.backends.kubernetes.identity import (
    KUBECONFIG_VARIABLE,
    USUAL,
    Access,
    Identity,
    KubeconfigIdentity,
    PodIdentity,
)
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.transport import Transport

from ._cluster import Cluster
from ._failures import Failure, Mistyped

_PACE = Pace(connect=5.0, answer=20.0)


@dataclass(frozen=True, slots=True)
class Flags:
    """kubectl's flags that say which cluster is meant."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None
    as_: str | None = None
    as_group: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: dict[str, Any]) -> Flags:
        """Take them out of the parameters of a command."""
        groups = given.pop("as_group", None) or ()
        own = {name: given.pop(name, None) for name in ("namespace", "context", "kubeconfig")}
        return cls(**own, as_=given.pop("as_", None), as_group=tuple(groups))

    @property
    def words(self) -> list[str]:
        """As they were given, but for the namespace."""
        pairs = [
            ("--context", self.context),
            ("--kubeconfig", self.kubeconfig),
            ("--as", self.as_),
            *(("--as-group", group) for group in self.as_group),
        ]
        return [word for name, value in pairs if value for word in (name, str(value))]

    @property
    def said(self) -> bool:
        """Whether a cluster was asked for by name."""
        return bool(self.context or self.kubeconfig)

    @property
    def any_said(self) -> bool:
        """Whether anything was said of a cluster, which none but a cluster can answer."""
        return bool(self.namespace or self.words)


@contextlib.asynccontextmanager
async def connected(flags: Flags) -> AsyncIterator[Cluster]:
    """A way to the cluster that the flags mean.

    Raises:
        Failure: there is none.
    """
    identity = find(flags)
    if identity is None:
        raise Failure(
            "no cluster: not in a Pod, and there is no kubeconfig",
            "set KUBECONFIG, or name a file: --kubeconfig PATH",
        )
    namespace = _namespace(identity, flags)
    transport = Transport(_impersonating(identity, flags), _PACE)
    try:
        yield Cluster(transport, namespace)
    finally:
        await transport.close()


def namespace_of(flags: Flags) -> str:
    """The namespace that is meant, without asking a cluster: `default` where nothing tells one.

    Raises:
        Failure: the kubeconfig that was named can't be used.
    """
    if flags.namespace:
        return flags.namespace
    try:
        identity = find(flags)
        return _namespace(identity, flags) if identity else "default"
    except Failure:
        if flags.said:
            raise
        return "default"  # nobody has asked for a cluster


def _namespace(identity: Identity, flags: Flags) -> str:
    if flags.namespace and isinstance(identity, PodIdentity):
        return flags.namespace
    try:
        usual = identity.namespace  # asked in any case: it says what is wrong with a kubeconfig
        return flags.namespace or usual
    except Exception as error:  # files, YAML and contexts are wrong in many ways
        raise Failure(
            f"the kubeconfig can't be used: {' '.join(str(error).split()) or type(error).__name__}",
            "see: kubectl config get-contexts; another file: --kubeconfig PATH",
        ) from error


def find(flags: Flags, environ: Mapping[str, str] = os.environ) -> Identity | None:
    """A kubeconfig that was named, the account of the Pod, the kubeconfig at its usual place."""
    if flags.kubeconfig:
        return KubeconfigIdentity(flags.kubeconfig, flags.context, "--kubeconfig")
    for name in ("KUBECONFIG", KUBECONFIG_VARIABLE):
        if path := environ.get(name):
            return KubeconfigIdentity(path, flags.context, name)
    if not flags.context and PodIdentity.is_present(identities.MOUNT):
        return PodIdentity(identities.MOUNT)
    is_there = Path(USUAL).expanduser().exists()
    return KubeconfigIdentity(None, flags.context) if flags.context or is_there else None


def contexts_of(kubeconfig: Path | None) -> list[str]:
    """The names of the contexts of a kubeconfig."""
    from kubernetes_asyncio import config

    try:
        found, _ = config.list_kube_config_contexts(str(kubeconfig) if kubeconfig else None)
    except config.ConfigException:
        return []
    return [str(each["name"]) for each in found]


def _impersonating(identity: Identity, flags: Flags) -> Identity:
    headers = [("Impersonate-User", flags.as_)] if flags.as_ else []
    if flags.as_group and not flags.as_:
        raise Mistyped("--as-group goes with --as", "name a user too: --as USER")
    headers += [("Impersonate-Group", group) for group in flags.as_group]
    return _Impersonator(identity, tuple(headers)) if headers else identity


class _Impersonator:
    """An account that acts as another, as the API server lets it."""

    def __init__(self, real: Identity, headers: tuple[tuple[str, str], ...]) -> None:
        self._real, self._headers = real, headers
        self._known: tuple[Access, Access] | None = None

    @property
    def key(self) -> Any:
        """Whose credentials, and as whom."""
        return self._real.key, self._headers

    @property
    def namespace(self) -> str:
        """That of the account."""
        return self._real.namespace

    async def access(self) -> Access:
        """Its credentials, with what they are used for."""
        real = await self._real.access()
        if self._known is None or self._known[0] is not real:
            self._known = real, replace(real, headers=self._headers)
        return self._known[1]

    def renew(self, refused: Access) -> None:
        """Forget them, if they are still those that were refused."""
        if self._known is not None and self._known[1] is refused:
            self._real.renew(self._known[0])
