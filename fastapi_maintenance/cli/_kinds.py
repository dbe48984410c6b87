"""A window by the name that people type: one of the namespace, or ``cmw/NAME`` of the cluster."""

from __future__ import annotations

from typing import Any

from fastapi_maintenance.backends.kubernetes.objects import windows_path
from fastapi_maintenance.windows import GROUP, KIND, PLURAL, VERSION

from ._checks import check_name
from ._failures import Mistyped
from ._hints import CLUSTER, at, flags

Object = dict[str, Any]

CLUSTER_KIND = f"Cluster{KIND}"
_WORDS = {
    **dict.fromkeys(("mw", KIND.lower(), PLURAL), ""),
    **dict.fromkeys(("cmw", CLUSTER_KIND.lower(), f"cluster{PLURAL}"), CLUSTER),
}
"""What kubectl takes before the slash."""


def typed_name(text: str, option: str) -> str:
    """The name of a window of the namespace; kubectl's ``mw/NAME`` is taken too.

    Raises:
        Mistyped: it is no name, or that of a window of the cluster.
    """
    name = typed_name_of_any(text, option)
    if name.startswith(CLUSTER):
        short = name.removeprefix(CLUSTER)
        mend = f"here it is {short}, as in every namespace that it selects; or: kubectl get {name}"
        raise Mistyped(f"{text} is kept in namespaces, and looked at there", mend)
    return name


def typed_name_of_any(text: str, option: str) -> str:
    """The same, of a window of the cluster too, which then begins with ``cmw/``."""
    kind, slash, name = text.rpartition("/")
    prefix = _WORDS.get(kind.removesuffix(f".{GROUP}").lower()) if slash else ""
    check_name(text if prefix is None else name, option)
    return f"{prefix}{name}"


def name_of(item: Object) -> str:
    """By which people name an object."""
    of_cluster = item.get("kind") == CLUSTER_KIND
    return f"{CLUSTER if of_cluster else ''}{item['metadata']['name']}"


def path_of(namespace: str, name: str) -> str:
    """Where a window is."""
    if not name.startswith(CLUSTER):
        return windows_path(namespace, name)
    return f"/apis/{GROUP}/{VERSION}/cluster{PLURAL}/{name.removeprefix(CLUSTER)}"


def title(name: str) -> str:
    """How kubectl calls what it has changed."""
    if name.startswith(CLUSTER):
        return f"{CLUSTER_KIND.lower()}/{name.removeprefix(CLUSTER)}"
    return f"{KIND.lower()}/{name}"


def quoted(name: str) -> str:
    """The same in a sentence."""
    kind, _, own = title(name).partition("/")
    return f'{kind} "{own}"'


def by_hand(name: str, namespace: str) -> str:
    """The command by which a person changes any field of it."""
    kind, _, own = title(name).partition("/")
    place = flags() if name.startswith(CLUSTER) else f" {at(namespace)}"
    return f"kubectl edit {kind} {own}{place}"
