"""A watch of a real API server in this process, and all that it asked and saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest import mock

from fastapi_maintenance.backends.kubernetes import watcher as watcher_module
from fastapi_maintenance.backends.kubernetes.identity import Identity, KubeconfigIdentity
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.transport import Transport
from fastapi_maintenance.backends.kubernetes.views import View
from fastapi_maintenance.backends.kubernetes.watcher import Health, Stores, Target, Watcher
from tests.cluster.windows import manifest
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

BRISK = Pace(
    first_delay=0.05,
    longest_delay=0.5,
    spread=0.05,
    idle=(20.0, 20.0),
    first_word=20.0,
)
"""As the defaults, for tests that have not all day; as patient with a machine that is busy."""
IMPATIENT = replace(BRISK, idle=(2.0, 2.0), first_word=2.0, connect=2.0, answer=5.0)
"""For those in which a server goes silent."""
ROLE = "fastapi-maintenance-application"


@dataclass
class Log:
    """Requests as verb and version, and the failures between them."""

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    bookmarks: list[str] = field(default_factory=list)
    opened: int = 0
    """Watches that the server has accepted."""
    held: bool = False
    """While true, no request is sent."""

    def count(self, verb: str) -> int:
        return sum(asked == verb for asked, _ in self.asked)


class Noted(Transport):
    """Notes what is asked."""

    def __init__(self, log: Log, identity: Identity, pace: Pace) -> None:
        super().__init__(identity, pace)
        self._log = log

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        await self._released()
        self._log.asked.append(("list", params.get("resourceVersion")))
        with self._noting():
            return await super().get(path, params)

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        def noted() -> None:
            self._log.opened += 1
            opened()

        await self._released()
        self._log.asked.append(("watch", params.get("resourceVersion")))
        with self._noting():
            async with contextlib.aclosing(super().watch(path, params, noted)) as batches:
                async for events in batches:
                    self._note(events)
                    yield events

    async def _released(self) -> None:
        while self._log.held:
            await asyncio.sleep(0.01)

    def _note(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["type"] == "BOOKMARK":
                self._log.bookmarks.append(event["object"]["metadata"]["resourceVersion"])
            if event["type"] == "ERROR":
                self._log.failed.append(f"in stream: {event['object']['code']}")

    @contextlib.contextmanager
    def _noting(self) -> Any:
        try:
            yield
        except Exception as error:
            self._log.failed.append(str(error))
            raise


class Following:
    """A watch for the app orders, from the beginning of a block to its end."""

    def __init__(
        self,
        identity: Identity,
        *,
        source: str = "maintenancewindow",
        pace: Pace = BRISK,
        stores: Stores | None = None,
    ) -> None:
        target = Target(identity, source, None)
        self.log = Log()
        self.view = View("orders")
        self.stores = stores or target.make_stores()
        self.watcher = Watcher(target, self.stores, pace)
        self.watcher.add(self.view)
        self._patch = mock.patch.object(
            watcher_module, "Transport", lambda identity, pace: Noted(self.log, identity, pace)
        )

    @property
    def names(self) -> set[str]:
        """The windows that are known."""
        timeline = self.view.timeline
        return {window.name for window in timeline.windows} if timeline else set()

    @property
    def refuses(self) -> bool:
        """Whether a write would be refused now."""
        timeline = self.view.timeline
        return timeline is not None and timeline.at(time.time()).writes is not None

    @property
    def health(self) -> Health:
        return self.watcher.health()

    def wait_for(self, condition: Callable[[], object], what: str, timeout: float = 60) -> None:
        wait_for(condition, timeout, what, interval=0.01)

    def wait_for_names(self, *names: str) -> None:
        self.wait_for(lambda: self.names == set(names), f"exactly {names} to be known")

    def __enter__(self) -> Following:
        self._patch.start()
        self.watcher.start()
        self.wait_for(lambda: self.log.asked, "the first request")
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()
        self.watcher.close()


def by_kubeconfig(account: Any) -> KubeconfigIdentity:
    """The identity of a service account, as its kubeconfig says it."""
    return KubeconfigIdentity(account.kubeconfig, None)


def create(kubectl: Kubectl, namespace: str, *names: str) -> None:
    """Create windows, one after the other, as fast as kubectl does."""
    items = [manifest(name, namespace, start="2026-01-01T00:00:00Z") for name in names]
    whole = {"apiVersion": "v1", "kind": "List", "items": items}
    kubectl("create", "-f", "-", input=json.dumps(whole))


def switch(kubectl: Kubectl, namespace: str, **words: str) -> None:
    """Set the switch's ConfigMap, by a server-side apply: some values are large."""
    metadata = {"name": "fastapi-maintenance", "namespace": namespace}
    whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": words}
    kubectl("apply", "--server-side", "-f", "-", input=json.dumps(whole))


def delete(kubectl: Kubectl, namespace: str, *names: str) -> None:
    kubectl("delete", "mw", "-n", namespace, *names)


@contextlib.contextmanager
def meanwhile(action: Callable[[], None]) -> Any:
    """Let something happen in a thread, and be over at the end of the block."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failure:
        raise failure[0]
