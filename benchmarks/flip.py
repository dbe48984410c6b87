"""From the write of a window to what it changes, beside raw watches of the same server.

In turn, a window is created and deleted in a namespace that raw watches follow, in one that as many
other raw watches follow, for what chance makes of it, and in one that as many backends follow.
Every clock starts just before the write and stops when one watch has made of it what it can.

Run it with `make bench`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.cluster.application import Application
from tests.cluster.windows import apply_window
from tests.controlplane.identity import Identity
from tests.controlplane.target import Cluster

from .flip_report import report
from .shop import account, administrator, load, open_window, path_of, pod_environ, running_cluster
from .shop import say as progress
from .workers import answer_of, start

RAW, AGAIN, BACKEND = "raw watch", "raw watch again", "backend"
KINDS = {RAW: "raw", AGAIN: "raw", BACKEND: "backend"}
PROCESSES = 2
"""That share the watches of a kind."""


@dataclass
class Taken:
    """What was measured of one kind."""

    milliseconds: list[float] = field(default_factory=list)
    """From the write, for each watch and write."""
    handled: list[float] = field(default_factory=list)
    """Milliseconds from the last byte's arrival to the result; of a single watch only."""
    cpu: list[float] = field(default_factory=list)
    """Milliseconds of CPU, for each watch and write."""


class Fleet:
    """So many watches of one kind, shared out among processes."""

    def __init__(
        self,
        cluster: Cluster,
        identity: Identity,
        kind: str,
        watches: int,
        source: str = "maintenancewindow",
    ) -> None:
        self.namespace = identity.namespace
        self.taken = Taken()
        self._watches = watches
        shares = [watches // PROCESSES, watches - watches // PROCESSES]
        env, place = pod_environ(cluster), str(identity.folder)
        self._workers = [
            start("watchers", kind, str(share), place, source, env=env)
            for share in shares
            if share > 0
        ]
        self._cpu: float | None = None

    def wait_until_ready(self) -> None:
        """Return when all watches are open."""
        for worker in self._workers:
            assert "ready" in answer_of(worker)

    def collect(self, number: int, began: float) -> None:
        """Take what all watches say of a write that began then."""
        cpu = 0.0
        for worker in self._workers:
            seen = answer_of(worker)
            assert seen["write"] == number, f"write {number} was awaited: {seen}"
            self.taken.milliseconds += [(at - began) * 1000 for at in seen["times"]]
            cpu += seen["cpu"]
            if self._watches == 1:
                self.taken.handled.append(seen["handled"] * 1000)
        if self._cpu is not None:
            self.taken.cpu.append((cpu - self._cpu) * 1000 / self._watches)
        self._cpu = cpu

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.communicate()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def measure(cluster: Cluster, watches: int, flips: int) -> dict[str, Taken]:
    """Create and delete windows, one after the other."""
    progress(f"{watches} of each kind: connecting …")
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(administrator(cluster))
        fleets = {
            title: stack.enter_context(
                Fleet(cluster, account(cluster, f"n{watches}-{number}"), kind, watches)
            )
            for number, (title, kind) in enumerate(KINDS.items())
        }
        for fleet in fleets.values():
            fleet.wait_until_ready()
        progress(f"{watches} of each kind: {flips} windows each …")
        for flip in range(flips):
            for fleet in random.sample(list(fleets.values()), len(fleets)):
                _flip(api, fleet, flip)
        return {title: fleet.taken for title, fleet in fleets.items()}


def _flip(api: httpx.Client, fleet: Fleet, flip: int) -> None:
    name = f"w{flip}"
    body = open_window(name)
    began = time.perf_counter()
    api.post(path_of(fleet.namespace), json=body).raise_for_status()
    fleet.collect(2 * flip + 1, began)
    began = time.perf_counter()
    api.delete(path_of(fleet.namespace, name)).raise_for_status()
    fleet.collect(2 * flip + 2, began)


def measure_users(cluster: Cluster, times: int) -> list[tuple[float, float]]:
    """Milliseconds from the start of `kubectl apply` to its end, and to the first refusal."""
    progress(f"kubectl apply, {times} times …")
    identity = account(cluster, "users")
    with _application(identity) as app:
        return [_apply(cluster, app, f"w{number}") for number in range(times)]


def _apply(cluster: Cluster, app: Application, name: str) -> tuple[float, float]:
    began = time.perf_counter()
    apply_window(cluster.kubectl, name, "users", start="2026-01-01T00:00:00Z")
    applied = time.perf_counter()
    app.wait_for_code(503)
    refused = time.perf_counter()
    cluster.kubectl("delete", "mw", name, "-n", "users")
    app.wait_for_code(200)
    return (applied - began) * 1000, (refused - began) * 1000


@contextlib.contextmanager
def _application(identity: Identity) -> Iterator[Application]:
    with tempfile.TemporaryDirectory() as folder:
        app = Application(identity, Path(folder) / "app.log")
        app.start()
        try:
            yield app
        finally:
            app.stop()


def main() -> None:
    """Build what is needed, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.flip",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--watches",
        type=int,
        nargs="+",
        default=[1, 100, 1000],
        help="how many watches of each kind, one measurement after the other (default: 1 100 1000)",
    )
    parser.add_argument(
        "--flips",
        type=int,
        default=2000,
        help="windows of each kind for a single watch, a quarter of that for more "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--applies", type=int, default=20, help="times of `kubectl apply` (default: %(default)s)"
    )
    given = parser.parse_args()
    with running_cluster() as cluster:
        before = load()
        measured = {
            watches: measure(cluster, watches, given.flips if watches == 1 else given.flips // 4)
            for watches in given.watches
        }
        users = measure_users(cluster, given.applies)
    print(report(measured, users))
    print(f"\nBefore: {before}; after: {load()}.")


if __name__ == "__main__":
    main()
