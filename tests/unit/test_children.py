"""A ClusterMaintenanceWindow keeps a window of its own in each namespace that it selects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fastapi_maintenance.windows import InvalidWindow
from fastapi_maintenance_operator.selectors import parse_selector
from tests.unit.operated import MemoryCluster, Operator, clock_at

pytestmark = pytest.mark.anyio

LUNCH: dict[str, Any] = {"start": "2026-06-01T12:00:00Z", "duration": "1h"}
PRODUCTION = {"matchLabels": {"stage": "production"}}


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with clock_at("2026-06-01T11:00Z"):
        yield


@pytest.fixture
def cluster() -> MemoryCluster:
    """Two namespaces in production, one beside them."""
    cluster = MemoryCluster()
    cluster.label("shop", stage="production")
    cluster.label("bank", stage="production")
    cluster.label("trial")
    return cluster


@pytest.fixture
async def operator(cluster: MemoryCluster) -> Operator:
    """An operator that has distributed one parent, move."""
    cluster.put_parent("move", selector=PRODUCTION, **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    return operator


def places(cluster: MemoryCluster) -> list[str]:
    """Where the children are."""
    return sorted(namespace for namespace, name in cluster.windows if namespace and name == "move")


def told(cluster: MemoryCluster) -> list[tuple[str, str]]:
    """Namespaces and reasons of the Events about the parent."""
    return [
        (event["metadata"]["namespace"], event["reason"])
        for event in cluster.events.values()
        if event["regarding"]["kind"] == "ClusterMaintenanceWindow"
    ]


def status(cluster: MemoryCluster) -> dict[str, Any]:
    return dict(cluster.windows["", "move"]["status"])


async def test_each_selected_namespace_gets_a_child(
    operator: Operator, cluster: MemoryCluster
) -> None:
    assert places(cluster) == ["bank", "shop"]
    assert cluster.planned("shop") == cluster.planned("bank") == ["move"]
    assert cluster.condition("move", "Ready", "") == ("True", "Distributed")
    assert status(cluster)["children"] == {"desired": 2, "current": 2, "ready": 2}


async def test_a_child_has_an_owner_and_neither_labels_nor_annotations(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """Argo would prune what carries its labels."""
    metadata = cluster.windows["shop", "move"]["metadata"]
    assert "labels" not in metadata
    assert "annotations" not in metadata
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == (
        "ClusterMaintenanceWindow", "move", True,
    )  # fmt: skip
    assert owner["uid"] == cluster.windows["", "move"]["metadata"]["uid"]


async def test_a_child_has_the_spec_but_for_what_concerns_the_parent_alone(
    cluster: MemoryCluster,
) -> None:
    """The parent's end of time takes its children with it."""
    cluster.put_parent("move", **LUNCH, ttlSecondsAfterFinished=5)
    await Operator(cluster).work()
    assert cluster.windows["trial", "move"]["spec"] == {"apps": ["*"], **LUNCH}


async def test_an_edit_of_the_parent_reaches_its_children(
    operator: Operator, cluster: MemoryCluster
) -> None:
    edited = cluster.put_parent("move", selector=PRODUCTION, **LUNCH, mode="ReadOnly")
    operator.observe("MODIFIED", edited)
    await operator.work()
    assert cluster.windows["bank", "move"]["spec"]["mode"] == "ReadOnly"
    assert status(cluster)["observedGeneration"] == 2
    assert cluster.condition("move", "Ready", "") == ("True", "Distributed")


@pytest.mark.parametrize("edit", [{"suspend": True}, {"endedAt": "2026-06-01T12:30:00Z"}])
async def test_a_child_edited_by_hand_is_restored(
    operator: Operator, cluster: MemoryCluster, edit: dict[str, Any]
) -> None:
    """Each time; what the parent does not say goes too."""
    before = dict(cluster.windows["shop", "move"]["spec"])
    for _ in range(2):
        operator.observe("MODIFIED", cluster.put("move", **LUNCH, **edit))
        assert "restore shop/move" in await operator.work()
        assert cluster.windows["shop", "move"]["spec"] == before


async def test_a_child_deleted_by_hand_is_made_again(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("DELETED", cluster.remove("move"))
    assert "create shop/move" in await operator.work()


async def test_children_come_and_go_with_labels(operator: Operator, cluster: MemoryCluster) -> None:
    operator.observe("MODIFIED", cluster.label("trial", stage="production"))
    await operator.work()
    assert places(cluster) == ["bank", "shop", "trial"]
    operator.observe("MODIFIED", cluster.label("shop", stage="retired"))
    assert "delete move" in await operator.work()
    assert places(cluster) == ["bank", "trial"]


async def test_a_namespace_that_is_going_gets_no_child(cluster: MemoryCluster) -> None:
    cluster.label("shop", stage="production")
    cluster.namespaces["shop"]["metadata"]["deletionTimestamp"] = "2026-06-01T10:00:00Z"
    cluster.put_parent("move", selector=PRODUCTION, **LUNCH)
    await Operator(cluster).work()
    assert places(cluster) == ["bank"]


async def test_another_selector_moves_the_children(
    operator: Operator, cluster: MemoryCluster
) -> None:
    other = {"matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]}
    operator.observe("MODIFIED", cluster.put_parent("move", selector=other, **LUNCH))
    await operator.work()
    assert places(cluster) == ["trial"]


async def test_a_users_window_of_the_same_name_is_left_alone(cluster: MemoryCluster) -> None:
    """The parent says where, and is ready when the user has given way."""
    cluster.put("move", start="2027-01-01T00:00:00Z")
    cluster.put_parent("move", selector=PRODUCTION, **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    assert cluster.windows["shop", "move"]["spec"]["start"] == "2027-01-01T00:00:00Z"
    assert cluster.condition("move", "Ready", "") == ("False", "NameTaken")
    assert cluster.condition("move", "Stalled", "") == ("True", "NameTaken")
    (stalled,) = [c for c in status(cluster)["conditions"] if c["type"] == "Stalled"]
    assert "is in shop: " in stalled["message"]
    assert told(cluster) == [("default", "WindowNameTaken")]
    operator.observe("DELETED", cluster.remove("move"))
    await operator.work()
    assert cluster.condition("move", "Ready", "") == ("True", "Distributed")


async def test_the_child_of_a_former_parent_of_the_name_is_not_taken_over(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """The garbage collector removes it; then comes a child of the new one."""
    recreated = cluster.put_parent("move", selector=PRODUCTION, **LUNCH)
    recreated["metadata"]["uid"] = cluster.windows["", "move"]["metadata"]["uid"] = "another"
    operator.observe("MODIFIED", recreated)
    await operator.work()
    assert cluster.condition("move", "Ready", "") == ("False", "NameTaken")
    for namespace in ("shop", "bank"):
        operator.observe("DELETED", cluster.remove("move", namespace))
    await operator.work()
    assert cluster.condition("move", "Ready", "") == ("True", "Distributed")


async def test_a_child_that_is_stalled_stalls_the_parent(cluster: MemoryCluster) -> None:
    cluster.put_parent(
        "move", selector=PRODUCTION, schedule="* * * * *", timeZone="Etc/UTC", duration="30s"
    )
    await Operator(cluster).work()
    assert cluster.condition("move", "Ready", "") == ("False", "ChildStalled")


async def test_an_invalid_parent_says_so_and_leaves_its_children(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """What an older API server let through."""
    operator.observe("MODIFIED", cluster.put_parent("move", selector=PRODUCTION, start="soon"))
    await operator.work()
    assert cluster.condition("move", "Stalled", "") == ("True", "Invalid")
    assert places(cluster) == ["bank", "shop"]
    assert cluster.windows["shop", "move"]["spec"]["start"] == LUNCH["start"]
    assert told(cluster) == [("default", "WindowInvalid")]


async def test_the_parent_opens_closes_and_expires(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """With Events in `default`; the garbage collector takes the children."""
    ending = cluster.put_parent("move", selector=PRODUCTION, **LUNCH, ttlSecondsAfterFinished=60)
    operator.observe("MODIFIED", ending)
    await operator.work_at("2026-06-01T12:00Z")
    assert cluster.condition("move", "Active", "") == ("True", "Open")
    await operator.work_at("2026-06-01T13:00Z")
    assert told(cluster) == [("default", "WindowOpened"), ("default", "WindowClosed")]
    assert "delete move" in await operator.work_at("2026-06-01T13:01Z")
    assert ("", "move") not in cluster.windows


async def test_where_nothing_changed_nothing_is_written(
    operator: Operator, cluster: MemoryCluster
) -> None:
    assert await operator.work_after(minutes=6) == []
    assert await Operator(cluster).work() == []


@pytest.mark.parametrize("failures", [1, 2])
async def test_a_child_that_cannot_be_made_is_tried_again(
    cluster: MemoryCluster, failures: int
) -> None:
    """And hinders no other: with the one that could be made comes the next try of the other."""
    cluster.failing["create"] = [OSError("connection refused")] * failures
    cluster.put_parent("move", selector=PRODUCTION, **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    assert len(places(cluster)) == (2 if failures == 1 else 0)
    await operator.work_after(seconds=1)
    assert places(cluster) == ["bank", "shop"]


async def test_a_child_that_cannot_be_made_stands_in_the_status(cluster: MemoryCluster) -> None:
    """As where a quota or a policy of one namespace is against it."""
    cluster.failing["create"] = [OSError("connection refused")] * 2
    cluster.put_parent("move", selector=PRODUCTION, **LUNCH)
    await Operator(cluster).work()
    assert status(cluster)["children"] == {"desired": 2, "current": 0, "ready": 0}
    assert cluster.condition("move", "Ready", "") == ("False", "Progressing")


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, "abc"),
        ({"matchLabels": {"stage": "live"}}, "a"),
        ({"matchExpressions": [{"key": "stage", "operator": "In", "values": ["live", "x"]}]}, "a"),
        ({"matchExpressions": [{"key": "stage", "operator": "NotIn", "values": ["live"]}]}, "bc"),
        ({"matchExpressions": [{"key": "stage", "operator": "Exists"}]}, "ab"),
        ({"matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]}, "c"),
        (
            {
                "matchLabels": {"stage": "test"},
                "matchExpressions": [{"key": "team", "operator": "Exists"}],
            },
            "b",
        ),
    ],
)
def test_a_selector_selects_as_kubernetes_does(selector: dict[str, Any], selected: str) -> None:
    labels = {"a": {"stage": "live"}, "b": {"stage": "test", "team": "x"}, "c": {}}
    found = [name for name, each in labels.items() if parse_selector(selector).selects(each)]
    assert "".join(found) == selected


@pytest.mark.parametrize(
    ("selector", "field"),
    [
        (None, ""),
        ({"labels": {}}, ".labels"),
        ({"matchExpressions": [{"key": "a", "operator": "Gt"}]}, ".matchExpressions[0].operator"),
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, ".matchExpressions[0].values"),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            ".matchExpressions[0].values",
        ),
    ],
)
def test_a_selector_that_is_not_understood_selects_nothing(selector: Any, field: str) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parse_selector(selector)
    assert caught.value.field == f"spec.namespaceSelector{field}"
