"""What is told of other windows, and of names by which nobody reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport
from fastapi_maintenance.cli._cluster import Cluster
from fastapi_maintenance.cli._hints import note_flags, place
from fastapi_maintenance.cli._others import elsewhere, unregistered


@pytest.mark.parametrize(
    ("registered", "apps", "unknown"),
    [
        ({"orders"}, ["oders"], "oders (did you mean orders?)"),
        ({"orders"}, ["orders", "oders"], "oders"),
        ({"orders"}, ["orders"], None),
        ({"orders"}, ["bill*"], None),
        ({"orders", None}, ["oders"], None),
        (set[str | None](), ["oders"], None),
    ],
    ids=["mistyped", "one of two", "known", "glob", "one without a name", "none at all"],
)
def test_a_name_by_which_nobody_reports_is_told_where_others_do(
    registered: set[str | None], apps: list[str], unknown: str | None
) -> None:
    expected = unknown and f"note: no process reports for {unknown}; registered are: orders"
    assert unregistered(registered, apps) == expected


def test_a_place_names_the_context_only_where_one_was_given() -> None:
    try:
        note_flags(["--context", "blue", "--as", "jo"])
        assert place("shop") == "namespace shop of context blue"
    finally:
        note_flags([])
    assert place("shop") == "namespace shop"


class Elsewhere(Transport):
    """A server where orders report in another namespace, and who asks may list them, or not."""

    def __init__(self, may_list: bool = True) -> None:
        self.may_list = may_list

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        if not self.may_list:
            raise ApiError(403, "no")
        return {"items": [{"metadata": {"namespace": "shop"}, "spec": {"app": "orders"}}]}


@pytest.mark.anyio
async def test_a_namespace_where_an_app_reports_is_named_where_it_was_asked_for_in_another() -> (
    None
):
    cluster = Cluster(Elsewhere(), "default")
    said = "orders reports in namespace shop: did you mean -n shop?"
    assert await elsewhere(cluster, ["orders"]) == said
    assert await elsewhere(cluster, ["billing"]) is None
    assert await elsewhere(Cluster(Elsewhere(), "shop"), ["orders"]) is None
    hidden = await elsewhere(Cluster(Elsewhere(may_list=False), "default"), ["orders"])
    assert hidden is not None
    assert hidden.endswith("fastapi-maintenance processes -A")
