"""``rbac``: the least rights of a service account, as YAML."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from fastapi_maintenance.windows import GROUP, PLURAL

from ._access import Flags, namespace_of
from ._checks import check_account, checked
from ._cluster import PLAN
from ._output import tell, yaml_of

_RBAC = "rbac.authorization.k8s.io"
_SWITCH = "fastapi-maintenance"
_PROCESSES = "maintenanceprocesses"


class Job(StrEnum):
    """What an account is for."""

    APPLICATION = "application"
    WRITER = "writer"
    MIGRATOR = "migrator"


Rule = dict[str, Any]


def _rule(group: str, resource: str, *verbs: str, names: tuple[str, ...] = ()) -> Rule:
    named = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": [group], "resources": [resource], **named, "verbs": list(verbs)}


RULES: dict[Job, list[Rule]] = {
    Job.APPLICATION: [
        _rule(GROUP, PLURAL, "get", "list", "watch"),
        _rule(GROUP, _PROCESSES, "get", "list", "create", "patch", "delete"),
        _rule("", "configmaps", "get", "list", "watch", names=(_SWITCH, PLAN)),
    ],
    Job.WRITER: [
        _rule("", "configmaps", "create", "patch", names=(_SWITCH,)),
        _rule(GROUP, PLURAL, "create", "patch", "delete"),
    ],
    Job.MIGRATOR: [
        _rule(GROUP, PLURAL, "get", "list", "create", "patch"),
        _rule(GROUP, _PROCESSES, "list"),
        _rule("", "configmaps", "get", names=(PLAN,)),
    ],
}
"""The same as those of the chart's ClusterRoles."""

_Account = Annotated[
    str,
    typer.Option(
        "--for",
        metavar="SERVICEACCOUNT",
        help="Whose.",
        show_default=False,
        callback=checked(check_account),
    ),
]
_Job = Annotated[Job, typer.Option("--job", help="What it is for.")]


def rbac(flags: Flags, for_: _Account, job: _Job = Job.APPLICATION) -> None:
    """Print the least rights of a service account, as YAML.

    application: follow windows, report. writer: turn maintenance on and off from code. migrator:
    this command line in Jobs.
    """
    namespace, _, account = for_.rpartition(":")
    if not namespace:
        namespace = _meant(flags, account)
    name = f"fastapi-maintenance-{job}-{account}"
    metadata = {"name": name, "namespace": namespace}
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": RULES[job],
    }
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
    print("---\n".join(yaml_of(item) for item in (role, binding)), end="")


def _meant(flags: Flags, account: str) -> str:
    """The namespace where none stands before the account: what was taken for it is told."""
    namespace = namespace_of(flags)
    if not flags.namespace:
        tell(f'note: "{account}" is taken as an account of namespace {namespace}')
        tell(f"  of another one: --for NAMESPACE:{account}, or -n NAMESPACE")
    return namespace
