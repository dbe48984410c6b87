"""What Pods that follow windows cost an API server: its CPU and memory, as their number grows.

Of each source so many backends are connected to a real API server, left alone for a while, and told
of writes. What the server's process takes is read from the kernel (proc_pid_stat(5)).

Run it with `make bench-scale`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.controlplane.target import Cluster

from .flip import Fleet
from .shop import account, administrator, load, open_window, path_of, running_cluster, say

SOURCES = ("maintenancewindow", "configmap")
SWITCH = "fastapi-maintenance"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Of one source and number of Pods, to the API server alone."""

    source: str
    pods: int
    connect: float
    """Milliseconds of CPU for each Pod: TLS, list and watch."""
    memory: float
    """KiB for each Pod; what the garbage collector kept is in it."""
    idle: float
    """Milliseconds of CPU a second with nothing to tell, over what it takes without any of them."""
    write: float
    """Milliseconds of CPU for a write and all that are told of it."""


class Server:
    """What the API server's process has taken so far."""

    def __init__(self, pid: int) -> None:
        self._folder = Path("/proc") / str(pid)

    @property
    def cpu(self) -> float:
        """Milliseconds."""
        fields = (self._folder / "stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / TICK

    @property
    def memory(self) -> float:
        """KiB."""
        lines = (self._folder / "status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def measure(cluster: Cluster, source: str, pods: int, writes: int, rest: float) -> Cost:
    """One source, one number of Pods."""
    assert cluster.control_plane is not None
    server = Server(cluster.control_plane.apiserver.pid)
    identity = account(cluster, f"{source}-{pods}")
    say(f"{source}: {pods} Pods …")
    alone = _idle(server, rest)
    cpu, memory = server.cpu, server.memory
    with (
        administrator(cluster) as api,
        Fleet(cluster, identity, "backend", pods, source) as fleet,
    ):
        fleet.wait_until_ready()
        connect, grown = (server.cpu - cpu) / pods, (server.memory - memory) / pods
        idle = _idle(server, rest) - alone
        cpu = server.cpu
        for number in range(1, writes + 1):
            began = time.perf_counter()
            WRITES[source](api, fleet.namespace, number)
            fleet.collect(number, began)
        return Cost(source, pods, connect, grown, idle, (server.cpu - cpu) / writes)


def _idle(server: Server, seconds: float) -> float:
    cpu = server.cpu
    time.sleep(seconds)
    return (server.cpu - cpu) / seconds


def _write_window(api: httpx.Client, namespace: str, number: int) -> None:
    """Every other time it is created, else deleted."""
    name = f"w{(number - 1) // 2}"
    if number % 2:
        api.post(path_of(namespace), json=open_window(name)).raise_for_status()
    else:
        api.delete(path_of(namespace, name)).raise_for_status()


def _write_switch(api: httpx.Client, namespace: str, number: int) -> None:
    """On, and off."""
    data = {"maintenance": "on" if number % 2 else "off"}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SWITCH}, "data": data}
    api.patch(
        f"/api/v1/namespaces/{namespace}/configmaps/{SWITCH}",
        params={"fieldManager": "benchmark", "force": "true"},
        content=json.dumps(item),
        headers={"Content-Type": "application/apply-patch+yaml"},
    ).raise_for_status()


WRITES: dict[str, Callable[[httpx.Client, str, int], None]] = {
    "maintenancewindow": _write_window,
    "configmap": _write_switch,
}


def report(costs: list[Cost]) -> str:
    """A row for each."""
    rows = [
        "| source | Pods | CPU ms to connect a Pod | KiB a Pod | at rest, more CPU ms a second "
        "| a write, CPU ms | of that for each Pod, µs |",
        "|---" * 7 + "|",
    ]
    for cost in costs:
        alone = next(c.write for c in costs if c.source == cost.source)
        least = next(c.pods for c in costs if c.source == cost.source)
        each = (cost.write - alone) * 1000 / (cost.pods - least) if cost.pods > least else None
        cells = (
            f"{cost.pods:,}",
            f"{cost.connect:.1f}",
            f"{cost.memory:.0f}",
            f"{cost.idle:.1f}",
            f"{cost.write:.1f}",
            "-" if each is None else f"{each:.0f}",
        )
        rows.append(f"| {cost.source} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Build what is needed, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--pods",
        type=int,
        nargs="+",
        default=[2, 100, 500, 1000],
        help="of each source, the least first (default: 2 100 500 1000)",
    )
    parser.add_argument(
        "--writes", type=int, default=60, help="for each number (default: %(default)s)"
    )
    parser.add_argument(
        "--rest", type=float, default=15.0, help="seconds left alone (default: %(default)s)"
    )
    given = parser.parse_args()
    before = load()
    with running_cluster() as cluster:
        costs = [
            measure(cluster, source, pods, given.writes, given.rest)
            for source in SOURCES
            for pods in given.pods
        ]
    print(report(costs))
    print(f"\nBefore: {before}; after: {load()}.")


if __name__ == "__main__":
    main()
