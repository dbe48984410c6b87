"""From Kubernetes objects to what is known: one store for each kind of object that is followed.

A store outlives the thread that fills it: one that follows the same target later, also in a child
after a fork, begins where it left off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastapi_maintenance.backends.forks import ForkLock
from fastapi_maintenance.windows import (
    GROUP,
    PLURAL,
    VERSION,
    InvalidWindow,
    Window,
    parse_manifest,
    parse_plan,
)

from .reflector import ANY_VERSION, Resource

SWITCH_CONFIGMAP = "fastapi-maintenance"
PLAN_CONFIGMAP = "fastapi-maintenance-plan"
PLAN_KEY = "windows.json"

logger = logging.getLogger(__name__)

Object = dict[str, Any]


class Unread(NamedTuple):
    """A window that could not be understood, as far as its metadata goes."""

    uid: str
    name: str
    generation: int


class _Store:
    """What the stores share: whether the first list has come, and who is told of changes."""

    def __init__(self) -> None:
        self.version = ANY_VERSION
        self.synced = False
        """Whether the thread that fills it now has listed everything."""
        self.rejected: dict[str, str] = {}
        """Names of objects that could not be understood, and why."""
        self.owner: object = None
        """Who fills it now: a thread that ends late takes no part any more."""
        self.turn = ForkLock()
        """Held while it is filled."""
        self._changed: Callable[[], None] = _nobody

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Windows that could not be understood, as far as they are known one by one."""
        return ()

    def begin(self, changed: Callable[[], None]) -> None:
        """A thread begins to fill it, and wants to be told when something is to count."""
        self.synced = False
        self._changed = changed

    def settle(self) -> None:
        """Let what was taken count."""
        self._changed()

    def rewind(self) -> None:
        """Nothing is kept that a list does not replace."""

    def _reject(self, name: str, error: Exception) -> None:
        if self.rejected.get(name) != str(error):
            ours = error if not isinstance(error, InvalidWindow) else None
            text = "%s: %s; what was known of it before stays"
            logger.error(text, name, error, exc_info=ours)
        self.rejected[name] = str(error)


class WindowStore(_Store):
    """The MaintenanceWindows of a namespace."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: tuple[Window, ...] = ()
        """All that are known and valid; the same tuple for as long as nothing changes."""
        self._known: dict[str, Window] = {}
        self._read: dict[str, tuple[object, ...]] = {}

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Those that could not be understood."""
        if not self.rejected:
            return ()
        contents = ((name, self._read.get(name, ())) for name in sorted(self.rejected))
        return tuple(Unread(str(c[0]), name, int(str(c[1] or 0))) for name, c in contents if c)

    @staticmethod
    def resource(namespace: str) -> Resource:
        """Where they are."""
        return Resource(f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}")

    def replace(self, objects: list[Object]) -> None:
        """Take a whole list; what is not in it is gone."""
        present = {_name(item) for item in objects}
        for name in self._read.keys() | self._known.keys():
            if name not in present:
                self._forget(name)
        for item in objects:
            self._take(item)
        self.windows = tuple(self._known.values())
        self.synced = True

    def update(self, kind: str, item: Object) -> None:
        """Take one event."""
        if kind == "DELETED":
            name = _name(item)
            if self._read.get(name, (None,))[0] == item["metadata"].get("uid"):  # not its successor
                self._forget(name)
        elif not self._take(item):
            return
        self.windows = tuple(self._known.values())

    def _take(self, item: Object) -> bool:
        """Whether it says anything new: most events only tell of a status."""
        name, metadata = _name(item), item["metadata"]
        content = (metadata.get("uid"), metadata.get("generation"), item.get("spec"))
        if self._read.get(name) == content:
            return False
        try:
            self._known[name] = parse_manifest(item)
            self.rejected.pop(name, None)
        except Exception as error:  # whatever it is, it must not hide all other objects
            self._keep_last_good(name, metadata.get("uid"))
            self._reject(name, error)
        self._read[name] = content  # last: a fork may copy this at any moment
        return True

    def _keep_last_good(self, name: str, uid: object) -> None:
        """Of the same object: one that only has its name inherits nothing."""
        known = self._known.get(name)
        if known is not None and known.uid != uid:
            self._forget(name)

    def _forget(self, name: str) -> None:
        for by_name in (self._known, self._read, self.rejected):
            by_name.pop(name, None)


class _ConfigMapStore(_Store):
    """One ConfigMap, by its name."""

    name: str

    @classmethod
    def resource(cls, namespace: str) -> Resource:
        """Where it is; the selector lets a role be limited to this one name."""
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        return Resource(path, f"metadata.name={cls.name}")

    def replace(self, objects: list[Object]) -> None:
        """Take a list of one ConfigMap, or of none."""
        self._take((objects[0].get("data") or {}) if objects else None)

    def update(self, kind: str, item: Object) -> None:
        """Take one event."""
        self._take(None if kind == "DELETED" else item.get("data") or {})

    def _take(self, data: Mapping[str, str] | None) -> None:
        raise NotImplementedError


class SwitchStore(_ConfigMapStore):
    """The switch that people and scripts flip; what its words mean for an app, the app decides."""

    name = SWITCH_CONFIGMAP

    def __init__(self) -> None:
        super().__init__()
        self.words: Mapping[str, str] = {}

    def _take(self, data: Mapping[str, str] | None) -> None:
        self.words = data or {}
        self.synced = True


class PlanStore(_ConfigMapStore):
    """The windows that the operator has worked out.

    An absent plan, or a broken one, is not "no windows": what was known stays. The first list is
    answered by an absent one, since the switch works without the operator; by a broken one not.
    """

    name = PLAN_CONFIGMAP

    def __init__(self) -> None:
        super().__init__()
        self.windows: tuple[Window, ...] = ()
        self._gone = False
        self._text: str | None = None

    def _take(self, data: Mapping[str, str] | None) -> None:
        gone = data is None and bool(self.windows)
        if gone and not self._gone:
            logger.error("the plan %s is gone; its windows stay known", self.name)
        self._gone = gone
        self.synced = self.synced or data is None
        if data is not None:
            self._understand(data.get(PLAN_KEY, ""))

    def _understand(self, text: str) -> None:
        try:
            if text != self._text:
                self.windows = parse_plan(text)
        except Exception as error:  # as above
            self._reject(self.name, error)
            return
        self._text, self.synced = text, True
        self.rejected.clear()


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _nobody() -> None:
    """Nobody wants to be told."""
