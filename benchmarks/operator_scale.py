"""The operator under ten thousand windows in two hundred namespaces, on a real API server.

For each number of windows, on a control plane of its own: how long from its start until every
window has its status, how much memory that takes, what it costs when nothing happens, how soon an
edit is answered by a status, and how soon 500 windows that open in the same second say so. In the
end a bare writer writes the same statuses once more, which is as fast as this API server is.

A watch of the benchmark's own sees what is written, and when. Run it with `make bench-operator`; it
prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION, format_instant
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.install import install, make_operator
from tests.controlplane.target import Cluster, own

from .operator_bare import write_statuses
from .operator_follower import Follower, answered, key_of
from .operator_report import Result, report
from .shop import administrators_tls

NAMESPACES = 200
SIZES = (1_000, 3_000, 10_000)
_AT_ONCE = 16
_TICKS = os.sysconf("SC_CLK_TCK")
_GROUP_PATH = f"/apis/{GROUP}/{VERSION}"


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    sizes: tuple[int, ...]
    idle: float
    edits: int
    opening: int


class Process:
    """What the kernel knows of a process."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def began(self) -> float:
        """When it was started."""
        ticks = int((self._folder / "stat").read_text().rpartition(")")[2].split()[19])
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / _TICKS

    def mebibytes(self, field: str) -> float:
        """VmRSS is what it holds now, VmHWM the most that it ever held."""
        lines = (self._folder / "status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith(f"{field}:"))
        return int(line.split()[1]) / 1024


_DAYS = [(datetime.now(UTC).isoweekday() + later) % 7 for later in (2, 3, 4, 5)]
"""Days of the week, as cron counts them: none on which a window opens while all are idle."""


def manifest(number: int) -> dict[str, Any]:
    """Every second window recurs weekly in a zone with summer time, the others come once."""
    hour, day = number % 24, _DAYS[number // 2 % len(_DAYS)]
    weekly = {"schedule": f"{number % 60} {hour} * * {day}", "timeZone": "Europe/Berlin"}
    once = {"start": f"2990-01-{number % 28 + 1:02}T{hour:02}:00:00Z"}
    spec = {"apps": [f"app-{number}"], "duration": "2h", "description": f"change {number}"}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": f"w{number}", "namespace": f"n{number % NAMESPACES}"},
        "spec": spec | (once if number % 2 else weekly),
    }


async def at_once(works: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Do all, some at a time."""
    pending = iter(works)

    async def worker() -> None:
        for work in pending:
            await work()

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))


async def send(api: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    """One write; what fails ends the benchmark."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    text = json.dumps(body)
    answer = await api.request(method, path, content=text, headers={"Content-Type": kind})
    answer.raise_for_status()


def path_of(number: int) -> str:
    """A window's URL."""
    return f"{_GROUP_PATH}/namespaces/n{number % NAMESPACES}/{PLURAL}/w{number}"


async def populate(api: httpx.AsyncClient, windows: int) -> str:
    """Create everything; gives the resource version afterwards."""
    spaces = [{"metadata": {"name": f"n{i}"}} for i in range(NAMESPACES)]
    await at_once(partial(send, api, "POST", "/api/v1/namespaces", space) for space in spaces)
    await at_once(
        partial(send, api, "POST", path_of(n).rpartition("/")[0], manifest(n))
        for n in range(windows)
    )
    listed = await api.get(f"{_GROUP_PATH}/{PLURAL}?limit=1")
    return str(listed.json()["metadata"]["resourceVersion"])


async def measure(
    api: httpx.AsyncClient, windows: int, plan: Plan, cluster: Cluster, tls: ssl.SSLContext
) -> Result:
    """All figures of one number of windows."""
    assert cluster.control_plane is not None
    operator, server = make_operator(cluster), Process(cluster.control_plane.apiserver.pid)
    version = await populate(api, windows)
    follower, served = Follower(api), server.cpu()
    following = asyncio.create_task(follower.follow(version))
    operator.spawn()
    process = Process(operator.pid)
    await follower.until(lambda: len(follower.answered) == windows, 600)
    converged, cpu = max(follower.arrived.values()) - process.began(), process.cpu()
    served, peak = server.cpu() - served, process.mebibytes("VmHWM")
    edits = [await edit(api, follower, n * 7 % windows) for n in range(plan.edits)]
    opened = await open_together(api, follower, min(plan.opening, windows))
    await asyncio.sleep(2)  # the last Events
    idle_cpu, events = process.cpu(), follower.events
    await asyncio.sleep(plan.idle)
    idle_cpu, events = process.cpu() - idle_cpu, follower.events - events
    settled = process.mebibytes("VmRSS")
    operator.stop()
    bare = await write_statuses(cluster.endpoint["server"], tls, follower.objects.values())
    following.cancel()
    return Result(
        windows=windows,
        converged=converged,
        converged_cpu=cpu,
        served_cpu=served,
        bare=bare,
        peak=peak,
        settled=settled,
        idle_seconds=plan.idle,
        idle_cpu=idle_cpu,
        idle_writes=events,
        edits=edits,
        opened=opened,
    )


async def edit(api: httpx.AsyncClient, follower: Follower, number: int) -> float:
    """Seconds from the write of another description until the status speaks of it."""
    key, began = f"n{number % NAMESPACES}/w{number}", time.time()
    change = {"spec": {"description": f"edited {began}"}}
    wanted = follower.objects[key]["metadata"]["generation"] + 1
    await send(api, "PATCH", path_of(number), change)

    def there() -> bool:
        item = follower.objects[key]
        return item["metadata"]["generation"] == wanted and answered(item)

    await follower.until(there, 60)
    return follower.arrived[key] - began


async def open_together(api: httpx.AsyncClient, follower: Follower, opening: int) -> float:
    """Seconds from an instant at which windows open until the last of their statuses says so."""
    instant = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    times = {"start": format_instant(instant), "schedule": None, "timeZone": None}
    change = {"spec": times | {"duration": "9000h"}}
    await at_once(partial(send, api, "PATCH", path_of(n), change) for n in range(opening))
    names = {key_of(manifest(n)) for n in range(opening)}
    await follower.until(lambda: names <= follower.open, 120)
    return max(follower.arrived[key] for key in names) - instant.timestamp()


async def _run(plan: Plan) -> list[Result]:
    results = []
    for windows in plan.sizes:
        with tempfile.TemporaryDirectory() as folder, ControlPlane(Path(folder)) as control_plane:
            cluster = own(control_plane)
            install(cluster)
            url, tls = cluster.endpoint["server"], administrators_tls(cluster)
            async with httpx.AsyncClient(base_url=url, verify=tls, timeout=30) as api:
                results.append(await measure(api, windows, plan, cluster, tls))
        print(results[-1], file=sys.stderr)
    return results


def main() -> None:
    """Build what is needed, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.operator_scale", description=__doc__
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="default: %(default)s")
    parser.add_argument("--idle", type=float, default=600, help="idle seconds: %(default)s")
    parser.add_argument("--quick", action="store_true", help="200 windows, 5 idle seconds")
    given = parser.parse_args()
    build()
    os.environ.pop("KUBECONFIG", None)
    whole = Plan(tuple(given.sizes), given.idle, edits=200, opening=500)
    quick = Plan((200,), 5, edits=20, opening=50)
    print(report(asyncio.run(_run(quick if given.quick else whole))))


if __name__ == "__main__":
    main()
