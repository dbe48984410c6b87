"""Long lists come in pages, and without what nobody reads."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance_operator.handlers import Forgetful
from fastapi_maintenance_operator.paging import PAGE, pages_of
from fastapi_maintenance_operator.reconcile import slim

pytestmark = pytest.mark.anyio


class Server:
    """Lists so many objects."""

    def __init__(self, objects: int) -> None:
        self.names, self.asked = [f"w{n}" for n in range(objects)], list[dict[str, Any]]()

    async def list(self, how: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(how)
        begin = int(how.get("continue", 0))
        end = begin + how["limit"]
        metadata = {"resourceVersion": "7"} | (
            {"continue": str(end)} if end < len(self.names) else {}
        )
        fields: dict[str, Any] = {"managedFields": [{}]}
        items = [{"metadata": {"name": name} | fields} for name in self.names[begin:end]]
        return {"metadata": metadata, "items": items}


@pytest.mark.parametrize("objects", [0, 1, PAGE, PAGE + 1, 3 * PAGE])
async def test_pages_of_are_one_list(objects: int) -> None:
    server = Server(objects)
    pages = [page async for page in pages_of(server.list)]
    assert [item["metadata"]["name"] for items, _ in pages for item in items] == server.names
    assert {version for _, version in pages} == {7}
    assert all(len(items) <= PAGE for items, _ in pages)
    assert len(server.asked) == max(1, -(-objects // PAGE))


async def test_no_page_brings_managed_fields() -> None:
    ((items, _),) = [page async for page in pages_of(Server(3).list)]
    assert [item["metadata"].keys() for item in items] == [{"name"}] * 3


def test_an_object_without_managed_fields_stays_as_it_is() -> None:
    assert slim({"metadata": {"name": "w"}, "spec": {}}) == {"metadata": {"name": "w"}, "spec": {}}


async def test_kopf_remembers_no_object() -> None:
    """What it keeps of each would be another copy of every window."""
    memories = Forgetful()
    body: Any = {"metadata": {"uid": "1"}}
    assert await memories.recall(body) is not await memories.recall(body)
    assert list(memories.iter_all_memories()) == []
