"""What the API server lets somebody do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.controlplane.kubectl import Kubectl

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")

Rule = tuple[str, str, str, str]
"""Group, resource, name and verb."""


def granted(kubectl: Kubectl, user: str, namespace: str) -> set[Rule]:
    """All that the authorizer lets an account do in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    group = "system:serviceaccounts"
    as_it = (f"--as={user}", "--as-group=system:authenticated", f"--as-group={group}")
    ask = ("create", "--validate=false", "-f", "-", "-o", "json", *as_it)
    answer = kubectl(*ask, input=json.dumps(review))
    status = json.loads(answer.stdout)["status"]
    assert not status["incomplete"]
    return {
        (group, resource, name, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
        for verb in rule["verbs"]
    }


def let(kubectl: Kubectl, user: str, namespace: str, verbs: str, resource: str) -> None:
    """Let a user do something, from when this returns on: the authorizer may lag behind a write."""
    name = ("-n", namespace, user)
    kubectl("create", "role", *name, f"--verb={verbs}", f"--resource={resource}")
    kubectl("create", "rolebinding", *name, f"--role={user}", f"--user={user}")
    last = ("-n", namespace, f"--as={user}", verbs.rpartition(",")[2], resource)
    wait_for(lambda: kubectl("auth", "can-i", *last).stdout == "yes\n", what="the right")


def verbs_of(
    kubectl: Kubectl, user: str, namespace: str, resources: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], str]:
    """What the user may do with each (group, resource, name), as the authorizer says."""
    asked = [(resource, verb) for resource in resources for verb in VERBS]
    stream = "\n---\n".join(review(user, namespace, *resource, verb) for resource, verb in asked)
    answers = kubectl("create", "-o", "jsonpath={.status.allowed} ", "-f", "-", input=stream)
    told = dict(zip(asked, answers.stdout.split(), strict=True))
    return {
        resource: " ".join(verb for verb in VERBS if told[resource, verb] == "true")
        for resource, _ in asked
    }


def review(user: str, namespace: str, group: str, resource: str, name: str, verb: str) -> str:
    """The question whether a user may do something, as a manifest."""
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
    plural, _, subresource = resource.partition("/")
    what = {"namespace": namespace, "verb": verb, "group": group, "name": name}
    attributes = {**what, "resource": plural, "subresource": subresource}
    spec = {"user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes}
    return json.dumps({**kind, "spec": spec})
