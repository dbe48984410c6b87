"""A ServiceAccount as a Pod would have it: token, CA and namespace as files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tests.controlplane.kubectl import Kubectl
from tests.controlplane.pki import write_kubeconfig
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.target import Cluster

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Identity:
    """A ServiceAccount with a token in `folder`, beside the kubeconfig that names the token's file.

    `token`, `ca.crt` and `namespace` have the names that they have in a Pod, under
    /var/run/secrets/kubernetes.io/serviceaccount.
    """

    cluster: Cluster
    name: str
    namespace: str
    folder: Path

    @property
    def user(self) -> str:
        """The name by which the API server knows it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """Uses `tokenFile`, so that a client has to read the token anew when it was renewed."""
        return self.folder / "kubeconfig"

    @property
    def token_file(self) -> Path:
        """The token alone."""
        return self.folder / "token"

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as this account."""
        return Kubectl(self.kubeconfig)

    def write(self, expiration_seconds: int = 3600) -> None:
        """Write all files."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        endpoint = dict(self.cluster.endpoint)
        if authority := endpoint.get("certificate-authority"):
            shutil.copyfile(authority, self.folder / "ca.crt")
            endpoint["certificate-authority"] = str(self.folder / "ca.crt")
        (self.folder / "namespace").write_text(self.namespace)
        self.renew(expiration_seconds)
        user = {"tokenFile": str(self.token_file)}
        write_kubeconfig(self.kubeconfig, cluster=endpoint, user=user, namespace=self.namespace)

    def renew(self, expiration_seconds: int = 3600) -> None:
        """Put a new token in place of the old one, in one step; the API refuses less than 600 s."""
        made = self._request(
            "POST",
            f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.name}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": expiration_seconds},
            },
        )
        fresh = self.folder / "token.new"
        fresh.touch(mode=0o600)
        fresh.write_text(made["status"]["token"])
        fresh.replace(self.token_file)

    def bind(self, cluster_role: str) -> None:
        """Give it the rights of a ClusterRole in its namespace, in place of those it had."""
        self.unbind()
        account = {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}
        binding = {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": self.name},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": cluster_role},
            "subjects": [account],
        }
        self._request("POST", self._bindings, binding)
        rights = self._rights(cluster_role)
        wait_for(
            lambda: all(self.may(**right) for right in rights),
            what=f"{self.user} to get {cluster_role}",
        )

    def unbind(self) -> None:
        """Take away what `bind` gave; the API server follows within milliseconds."""
        self._request("DELETE", f"{self._bindings}/{self.name}", check=False)

    def may(self, verb: str, resource: str, group: str = "", **more: str) -> bool:
        """Whether RBAC lets it, in its namespace; `more` is `name` or `subresource`."""
        attributes = {"verb": verb, "resource": resource, "group": group} | more
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": self.user,
                "resourceAttributes": attributes | {"namespace": self.namespace},
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(self._request("POST", path, review)["status"]["allowed"])

    @property
    def _bindings(self) -> str:
        return f"/apis/{RBAC}/v1/namespaces/{self.namespace}/rolebindings"

    def _request(self, *what: Any, check: bool = True) -> Any:
        return self.cluster.kubectl.request(*what, check=check)

    def _rights(self, cluster_role: str) -> list[dict[str, str]]:
        """Something that each rule of the role permits, to see by it that a binding is in force.

        One alone might be a right that another binding gives, or one that was replaced just now.
        """
        shown = self._request("GET", f"/apis/{RBAC}/v1/clusterroles/{cluster_role}")
        return [_right(rule) for rule in shown.get("rules") or () if rule.get("resources")]


def _right(rule: dict[str, Any]) -> dict[str, str]:
    """The last that a rule permits."""
    resource, _, subresource = rule["resources"][-1].partition("/")
    name = rule.get("resourceNames", [""])[-1]
    about = {"resource": resource, "subresource": subresource, "name": name}
    return {"verb": rule["verbs"][-1], "group": rule["apiGroups"][-1], **about}


class ServiceAccounts(Protocol):
    """Makes ServiceAccounts; what the fixture `service_account` gives."""

    def __call__(
        self,
        name: str,
        *,
        cluster_role: str | None = None,
        namespace: str | None = None,
        expiration_seconds: int = 3600,
    ) -> Identity:
        """Make `name` in `namespace` (default: the test's), with the rights of `cluster_role`."""


def make_identity(
    cluster: Cluster,
    name: str,
    namespace: str,
    *,
    cluster_role: str | None = None,
    expiration_seconds: int = 3600,
) -> Identity:
    """Make sure of a ServiceAccount, and write its files below the cluster's folder."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.kubectl.request("POST", path, account, check=False)  # it may be there
    identity = Identity(cluster, name, namespace, cluster.folder / "identities" / namespace / name)
    identity.write(expiration_seconds)
    if cluster_role is not None:
        identity.bind(cluster_role)
    return identity
