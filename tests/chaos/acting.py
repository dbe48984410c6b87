"""What is done in a run: faults, writes and questions, each in threads of its own."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from fastapi_maintenance.windows import API_VERSION, KIND, format_instant
from tests.chaos.oracle import Answer, Version
from tests.chaos.plan import PATHS, Fault, Spec, Write

if TYPE_CHECKING:
    from tests.chaos.link import Link
    from tests.controlplane.daemon import Daemon

LONG_AGO = 1_767_225_600.0  # 2026-01-01
PAUSES = (0.01, 0.04)
"""Seconds between two questions of a client."""


class Clock:
    """Seconds since the beginning of a run."""

    def __init__(self) -> None:
        self.began = time.time()
        self.over = threading.Event()

    def wait_until(self, seconds: float) -> None:
        """Or until the run is given up."""
        self.over.wait(max(0.0, self.began + seconds - time.time()))


@dataclass(frozen=True)
class Happened:
    """A fault, as it came about."""

    subject: str
    kind: str
    began: float
    ended: float
    """When what it was done to was ready again."""


class Faults:
    """Does faults when their time comes, and revives what ends by itself, as a kubelet would."""

    def __init__(self, clock: Clock, daemons: Mapping[str, Daemon], links: Sequence[Link]) -> None:
        self.happened: list[Happened] = []
        self._clock = clock
        self._daemons, self._links = daemons, links
        self._locks = {name: threading.Lock() for name in daemons}

    def perform(self, faults: Sequence[Fault]) -> None:
        """Do them, one after the other."""
        for fault in faults:
            self._clock.wait_until(fault.at)
            if self._clock.over.is_set():
                return
            if fault.subject == "link":
                self._disturb(fault)
            else:
                with self._locks[fault.subject]:
                    self._strike(fault)

    def revive(self) -> None:
        """Until the run is over, start again what has ended."""
        while not self._clock.over.wait(0.1):
            for name, daemon in self._daemons.items():
                if self._locks[name].acquire(blocking=False):
                    try:
                        self._revive(name, daemon)
                    finally:
                        self._locks[name].release()

    def _revive(self, name: str, daemon: Daemon) -> None:
        if not daemon.running:
            began = time.time()
            bring_back(daemon, self._clock)
            self.happened.append(Happened(name, "ended by itself", began, time.time()))

    def _disturb(self, fault: Fault) -> None:
        began = time.time()
        for link in self._links:
            link.set(fault.kind)
        self._clock.over.wait(fault.lasts)
        for link in self._links:
            link.set("pass")
        self.happened.append(Happened("link", fault.kind, began, time.time()))

    def _strike(self, fault: Fault) -> None:
        daemon, began = self._daemons[fault.subject], time.time()
        if fault.kind == "kill":
            daemon.kill()
        else:
            daemon.pause()
        self._clock.over.wait(fault.lasts)
        if fault.kind == "pause":
            daemon.resume()
        bring_back(daemon, self._clock)
        self.happened.append(Happened(fault.subject, fault.kind, began, time.time()))


def bring_back(daemon: Daemon, clock: Clock) -> None:
    """Start it, again where it ends by itself for want of others, until it is ready."""
    while not clock.over.is_set():
        with suppress(AssertionError):
            daemon.start()
            return


@dataclass
class Writer:
    """Writes windows as an administrator, each until it is acknowledged, one after the other."""

    clock: Clock
    api: httpx.Client
    path: str
    """Of the namespace's windows."""
    versions: list[Version] = field(default_factory=list)
    last: str = "nothing was tried"
    """What came of the last try."""

    def perform(self, writes: Sequence[Write]) -> None:
        """Each when its time comes, or as soon as the one before is done."""
        for write in writes:
            self.clock.wait_until(write.at)
            if self.clock.over.is_set():
                return
            self.write(write)

    def write(self, write: Write) -> None:
        """Until it is acknowledged."""
        sent, number = time.time(), len(self.versions) + 1
        version = _version(number, write, sent)
        # What may have arrived counts as sent, also while it is not acknowledged.
        self.versions.append(version)
        while not self._try(version):
            if self.clock.over.wait(0.1):
                raise AssertionError(f"write {number} was not acknowledged: {self.last}")
        self.versions[-1] = _with(version, acknowledged=time.time())

    def _try(self, version: Version) -> bool:
        try:
            response = self._send(version)
        except httpx.TransportError as error:
            self.last = repr(error)
            return False
        self.last = f"{response.status_code} {response.text}"
        return response.is_success or (version.deleted and response.status_code == 404)

    def _send(self, version: Version) -> httpx.Response:
        where = f"{self.path}/{version.name}"
        if version.deleted:
            return self.api.delete(where)
        return self.api.patch(
            where,
            params={"fieldManager": "chaos", "force": "true"},
            content=json.dumps(_manifest(version)),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )


def _version(number: int, write: Write, sent: float) -> Version:
    spec = write.spec
    if spec is None:
        return Version(number, write.name, sent, math.inf, deleted=True)
    start = LONG_AGO if spec.starts_in is None else math.ceil(sent) + spec.starts_in
    return Version(
        number,
        write.name,
        sent,
        math.inf,
        start=start,
        end=math.inf if spec.lasts is None else _end(spec, start, sent),
        mode=spec.mode,
        path=spec.path,
        app=spec.app,
        suspended=spec.suspend,
    )


def _end(spec: Spec, start: float, sent: float) -> float:
    assert spec.lasts is not None
    return max(start, math.ceil(sent)) + spec.lasts


def _with(version: Version, *, acknowledged: float) -> Version:
    values = {**vars(version), "acknowledged": acknowledged}
    return Version(**values)


def _manifest(version: Version) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "apps": [version.app],
        "start": _instant(version.start),
        "mode": version.mode,
        "response": {"message": str(version.number)},
    }
    if version.end != math.inf:
        spec["end"] = _instant(version.end)
    if version.path:
        spec["match"] = {"paths": [version.path]}
    if version.suspended:
        spec["suspend"] = True
    metadata = {"name": version.name}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _instant(seconds: float) -> str:
    return format_instant(datetime.fromtimestamp(seconds, UTC))


@dataclass
class Client:
    """Asks an application without end, and notes what it is told."""

    clock: Clock
    http: httpx.Client
    chance: random.Random
    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask_on(self) -> None:
        """Until the run is over."""
        while not self.clock.over.wait(self.chance.uniform(*PAUSES)):
            self.ask(self.chance.choice(("GET", "GET", "POST")), self.chance.choice(PATHS))

    def ask(self, method: str, path: str) -> Answer | None:
        """None: there was no answer, or none of ours."""
        asked = time.time()
        try:
            response = self.http.request(method, path)
            answer = _read(response, method, path, asked)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return None
        self.answers.append(answer)
        return answer


def _read(response: httpx.Response, method: str, path: str, asked: float) -> Answer:
    answered = time.time()
    if response.status_code == 200 and response.json() == path[1:]:
        return Answer(method, path, asked, answered, 200)
    if response.status_code == 503 and response.headers["X-Maintenance"].startswith("window="):
        return Answer(method, path, asked, answered, 503, int(response.json()["detail"]))
    raise ValueError(f"{response.status_code} {response.text[:200]}")


class Crew:
    """Threads whose failure is not lost."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def start(self, work: Callable[..., None], *arguments: Any) -> None:
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as failure:
                self._failures.append(failure)

        thread = threading.Thread(target=run, daemon=True, name=work.__qualname__)
        self._threads.append(thread)
        thread.start()

    def join(self, seconds: float) -> None:
        """Wait for all; the first failure is raised here."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if self._failures:
            raise self._failures[0]
        late = [thread.name for thread in self._threads if thread.is_alive()]
        assert not late, f"not over after {seconds:g} s: {late}"
