"""What is known of the cluster, and what any news of it makes worth a look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from .children import Distribution, distribute
from .parents import Namespaces
from .plans import Plan, PlanApi, Plans
from .reconcile import Object, Observed
from .windows import Key, Windows, key_of

Take = Callable[[Object], None]
"""Is given each object of a list as it comes: thousands of them are never in memory twice."""
Present = tuple[set[Key], int]
"""The keys of all objects of a list, and the version at which these were all."""


class ListApi(PlanApi, Protocol):
    """What is listed of the cluster, by consistent reads."""

    async def list_windows(self, take: Take, namespace: str | None = None) -> Present:
        """The MaintenanceWindows of a namespace, or all."""

    async def list_parents(self, take: Take) -> Present:
        """All ClusterMaintenanceWindows."""

    async def list_namespaces(self) -> tuple[list[Object], int]:
        """All namespaces."""

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        """The plan of each namespace that has one."""


class View:
    """Windows, plans and namespaces, from watches and lists alike: whichever is newer.

    Args:
        api: Lists them.
        mark: Is told what to look at for what was taken; nothing for what was known already.
    """

    def __init__(self, api: ListApi, mark: Callable[[Iterable[Key]], None]) -> None:
        self._api, self._mark = api, mark
        self.windows, self.plans, self.namespaces = Windows(), Plans(api), Namespaces()
        self.expected: dict[Key, Object] = {}
        """Statuses that are being written: a watch may tell of one before the answer comes."""

    def keys(self) -> set[Key]:
        """All that there is to look at."""
        return self.windows.keys() | self.plans.keys()

    def take(self, kind: str | None, item: Object) -> None:
        """Take an event, or with None an object of a list."""
        if item["kind"] == "ConfigMap":
            if self.plans.observe(kind, item):
                self._mark({(key_of(item)[0], "")})
        elif item["kind"] == "Namespace":
            if self.namespaces.observe(kind, item):
                self._mark(self.windows.keys(""))
        else:
            self._take_window(kind, item)

    def _take_window(self, kind: str | None, item: Object) -> None:
        key = key_of(item)
        before = self.windows.get(key)
        if not self.windows.take(kind, item):
            return
        after = self.windows.get(key)
        if not before or not after or not before.means_as(after):
            self._mark(self.around(key))
        elif after.status != self.expected.get(key):
            self._mark({key} | self.parents(key))

    def around(self, key: Key) -> set[Key]:
        """A window, and what depends on it: the plan, and the parent of its name."""
        plan = {(key[0], "")} if key[0] else set()
        return {key} | plan | self.parents(key)

    def parents(self, key: Key) -> set[Key]:
        """The parent of a window's name, if there is one."""
        parent = ("", key[1])
        return {parent} if key[0] and parent in self.windows else set()

    async def list_all(self) -> None:
        """List everything: what was deleted while a watch was down is never told otherwise."""
        self._mark(self.plans.replace(*await self._api.list_plans()))
        if self.namespaces.replace(*await self._api.list_namespaces()):
            self._mark(self.windows.keys(""))
        self._lose(*await self._api.list_parents(self._take_listed), "")
        await self.list_windows(None)

    async def list_windows(self, namespace: str | None) -> None:
        """List the windows of a namespace, or of all, as they are now."""
        self._lose(*await self._api.list_windows(self._take_listed, namespace), namespace)

    def _take_listed(self, item: Object) -> None:
        self.take(None, item)

    def _lose(self, present: set[Key], version: int, namespace: str | None) -> None:
        """Forget what a list lacks."""
        for key in self.windows.gone(present, version, namespace):
            self._mark(self.around(key))

    def distribution(self, parent: Observed) -> Distribution:
        """A parent's children beside what they should be."""
        return distribute(parent, self.namespaces.labels, self.windows.named(parent.name))
