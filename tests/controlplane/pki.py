"""Keys, certificates and kubeconfigs of a control plane that lives for one test run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from pathlib import Path

Hosts = tuple[str, ...]
LOCAL = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Credentials:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    def user(self) -> dict[str, str]:
        """As a kubeconfig's user."""
        return {"client-certificate": str(self.certificate), "client-key": str(self.key)}


@dataclass(frozen=True)
class Pki:
    """All that the control plane's parts need to know each other by."""

    ca: Path
    server: Credentials
    admin: Credentials
    controller_manager: Credentials
    service_accounts: Path  # the RSA key that signs their tokens


def make_pki(folder: Path, *, authority: trustme.CA | None = None, hosts: Hosts = LOCAL) -> Pki:
    """Make everything new in `folder`, readable by its owner alone.

    `hosts` are the names and addresses by which the API server is found; `authority` issues
    certificates for what else there is (default: one for these alone).
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = authority or trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    return Pki(
        ca=folder / "ca.crt",
        server=issue(authority, folder / "server", *hosts),
        # Name and organization of a client certificate are its user and group.
        admin=issue(authority, folder / "admin", user="admin", group="system:masters"),
        controller_manager=issue(
            authority, folder / "controller-manager", user="system:kube-controller-manager"
        ),
        service_accounts=_service_account_key(folder / "service-accounts.key"),
    )


def issue(
    authority: trustme.CA,
    base: Path,
    *hosts: str,
    user: str | None = None,
    group: str | None = None,
) -> Credentials:
    """A certificate and key as files that begin with `base`: a server's, or a client's."""
    # A certificate without any alternative name is refused by Go: a client's gets one as well.
    leaf = authority.issue_cert(
        *(hosts or ["client.invalid"]), common_name=user, organization_name=group
    )
    issued = Credentials(base.with_suffix(".crt"), base.with_suffix(".key"))
    leaf.cert_chain_pems[0].write_to_path(str(issued.certificate))
    _write_private(issued.key, leaf.private_key_pem.bytes())
    return issued


def _service_account_key(path: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return _write_private(path, pem)


def write_kubeconfig(
    path: Path, *, cluster: dict[str, Any], user: dict[str, Any], namespace: str | None = None
) -> Path:
    """A kubeconfig of one cluster, one user and one context."""
    context = {"cluster": "cluster", "user": "user"} | (
        {"namespace": namespace} if namespace else {}
    )
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "context", "context": context}],
        "current-context": "context",
    }
    return _write_private(path, yaml.safe_dump(config, sort_keys=False).encode())


def _write_private(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
