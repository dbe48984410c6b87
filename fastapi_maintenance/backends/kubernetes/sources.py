"""From Kubernetes objects to windows: one store for each kind of object that is followed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi_maintenance.backends.base import state_of_word
from fastapi_maintenance.windows import (
    GROUP,
    OFF,
    PLURAL,
    VERSION,
    InvalidWindow,
    State,
    Window,
    parse_manifest,
    parse_plan,
    strictest,
)

from .reflector import Resource

SWITCH_CONFIGMAP = "fastapi-maintenance"
SWITCH_KEY = "maintenance"
PLAN_CONFIGMAP = "fastapi-maintenance-plan"
PLAN_KEY = "windows.json"

logger = logging.getLogger(__name__)

Object = dict[str, Any]


class _Store:
    """What the stores share: whether the first list has come, and who is told of changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.synced = False
        self.rejected: dict[str, str] = {}
        """Names of objects that could not be understood, and why."""
        self._changed = changed

    def _done(self) -> None:
        self.synced = True
        self._changed()

    def _reject(self, name: str, error: Exception) -> None:
        if self.rejected.get(name) != str(error):
            logger.error("%s: %s; what was known of it before stays", name, error)
        self.rejected[name] = str(error)


class WindowStore(_Store):
    """The MaintenanceWindows of a namespace."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__(changed)
        self._windows: dict[str, Window] = {}

    @staticmethod
    def resource(namespace: str) -> Resource:
        """Where they are."""
        return Resource(f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}")

    @property
    def windows(self) -> tuple[Window, ...]:
        """All that are known and valid."""
        return tuple(self._windows.values())

    def replace(self, objects: list[Object]) -> None:
        """Take a whole list; what is not in it is gone."""
        present = {_name(item) for item in objects}
        for name in self._windows.keys() | self.rejected.keys():
            if name not in present:
                self._forget(name)
        for item in objects:
            self._take(item)
        self._done()

    def update(self, kind: str, item: Object) -> None:
        """Take one event."""
        if kind == "DELETED":
            self._forget(_name(item))
        else:
            self._take(item)
        self._done()

    def _take(self, item: Object) -> None:
        name = _name(item)
        try:
            self._windows[name] = parse_manifest(item)
            self.rejected.pop(name, None)
        except InvalidWindow as error:
            known = self._windows.get(name)
            if known is not None and known.uid != item["metadata"].get("uid"):
                self._forget(name)
            self._reject(name, error)

    def _forget(self, name: str) -> None:
        self._windows.pop(name, None)
        self.rejected.pop(name, None)


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
        self._read((objects[0].get("data") or {}) if objects else None)
        self._done()

    def update(self, kind: str, item: Object) -> None:
        """Take one event."""
        self._read(None if kind == "DELETED" else item.get("data") or {})
        self._done()

    def _read(self, data: dict[str, str] | None) -> None:
        raise NotImplementedError


class SwitchStore(_ConfigMapStore):
    """The switch that people and scripts flip: a word for all apps, and one for each app.

    On if any of the two is on; the strictest wins.
    """

    name = SWITCH_CONFIGMAP

    def __init__(self, changed: Callable[[], None], namespace: str, app: str | None) -> None:
        super().__init__(changed)
        self._source = f"configmap={namespace}/{self.name}"
        keys = (SWITCH_KEY, f"{SWITCH_KEY}.{app}") if app else (SWITCH_KEY,)
        self._states: dict[str, State] = dict.fromkeys(keys, OFF)

    @property
    def state(self) -> State:
        """What the switch says."""
        combined = OFF
        for state in self._states.values():
            combined = strictest(combined, state)
        return combined

    def _read(self, data: dict[str, str] | None) -> None:
        for key in self._states:
            word = (data or {}).get(key)
            try:
                state = state_of_word(word, source=self._source, probes_pass=True) if word else OFF
                self._states[key] = state
                self.rejected.pop(key, None)
            except ValueError as error:
                self._reject(key, error)


class PlanStore(_ConfigMapStore):
    """The windows that the operator has worked out; a broken plan is not "no windows"."""

    name = PLAN_CONFIGMAP

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__(changed)
        self.windows: tuple[Window, ...] = ()

    def _read(self, data: dict[str, str] | None) -> None:
        if data is None:
            if self.windows:
                logger.error("the plan %s is gone; its windows stay known", self.name)
            return
        try:
            self.windows = parse_plan(data.get(PLAN_KEY, ""))
            self.rejected.clear()
        except InvalidWindow as error:
            self._reject(self.name, error)


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])
