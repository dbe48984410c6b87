"""The windows as they were seen last, whichever of watch and list told of them later."""

from __future__ import annotations

from fastapi_maintenance.windows import Window

from .reconcile import Object, Observed, read

Key = tuple[str, str]
"""Namespace and name of a window.

An empty name stands for the namespace's plan, an empty namespace for the cluster: such a window is
a ClusterMaintenanceWindow.
"""


def key_of(item: Object) -> Key:
    """The key of an object."""
    return str(item["metadata"].get("namespace", "")), str(item["metadata"]["name"])


def version_of(item: Object) -> int:
    """The resource version, which grows with time."""
    return int(item["metadata"]["resourceVersion"])


class Windows:
    """What is known of all windows; it never goes back to an older version of one."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Observed]] = {}
        self._deleted: dict[Key, int] = {}
        """At which version windows went since the last list."""

    def __contains__(self, key: Key) -> bool:
        return self.get(key) is not None

    def get(self, key: Key) -> Observed | None:
        """What is known of a window."""
        return self._known.get(key[0], {}).get(key[1])

    def keys(self, namespace: str | None = None) -> set[Key]:
        """All windows, or those of a namespace."""
        places = self._known if namespace is None else {namespace: self._known.get(namespace, {})}
        return {(place, name) for place, names in places.items() for name in names}

    def named(self, name: str) -> list[Observed]:
        """Those of a name, in whichever namespace."""
        places = (names for place, names in self._known.items() if place)
        return [names[name] for names in places if name in names]

    def namespaced(self) -> list[Observed]:
        """All that are in a namespace. From any thread: each copy is made in one step."""
        places = [names for place, names in list(self._known.items()) if place]
        return [observed for names in places for observed in list(names.values())]

    def of_the_cluster(self) -> list[Observed]:
        """All that are in none: ClusterMaintenanceWindows."""
        return list(self._known.get("", {}).values())

    def valid(self, namespace: str) -> list[Window]:
        """The windows of a namespace that mean something."""
        return [o.window for o in self._known.get(namespace, {}).values() if o.window]

    def take(self, kind: str | None, item: Object) -> bool:
        """Take an event, or with None an object of a list; whether that was news."""
        key, version = key_of(item), version_of(item)
        known = self.get(key)
        newest = max(known.version if known else 0, self._deleted.get(key, 0))
        if version < newest or (known and kind != "DELETED" and _is_same(known, item)):
            return False
        if kind == "DELETED":
            self._deleted[key] = version
            return self._remove(key)
        self._known.setdefault(key[0], {})[key[1]] = read(item, known)
        return True

    def keep(self, item: Object) -> None:
        """Take the answer to a write, unless something newer was told meanwhile."""
        known = self.get(key_of(item))
        if known and version_of(item) >= known.version:
            self._known[known.namespace][known.name] = read(item, known)

    def gone(self, present: set[Key], version: int, namespace: str | None) -> set[Key]:
        """Forget what a list does not have any more; gives what went.

        It is a list of a namespace, of the cluster's own with "", or with None of all but these.
        """
        missing = {key for key in self.keys(namespace) if _lists(namespace, key)} - present
        # The watch may be ahead of the list.
        went = {key for key in missing if (o := self.get(key)) and o.version <= version}
        for key in went:
            self._remove(key)
        for key in [k for k, at in self._deleted.items() if at <= version and _lists(namespace, k)]:
            del self._deleted[key]
        return went

    def _remove(self, key: Key) -> bool:
        names = self._known.get(key[0], {})
        removed = names.pop(key[1], None) is not None
        if not names:
            self._known.pop(key[0], None)
        return removed


def _is_same(known: Observed, item: Object) -> bool:
    return known.version == version_of(item) and known.spec == item.get("spec")


def _lists(namespace: str | None, key: Key) -> bool:
    """Whether a list would have an object."""
    return bool(key[0]) if namespace is None else key[0] == namespace
