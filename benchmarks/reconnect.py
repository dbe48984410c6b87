"""What an API server that was away meets when it is back: as many watches as there are Pods.

Reflectors watch a real API server, a few hundred in each of some processes. It is killed, and
started again after a time. Whatever the reflectors ask, also of a port where nobody listens, is
counted by the second, beside what their backoff promises: the curve of `benchmarks.jitter`.

Run it with `make bench-reconnect`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from fastapi_maintenance.backends.kubernetes.pace import Pace
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.target import Cluster

from .jitter import bound, expected_tries
from .plot import chart
from .shop import account, load, pod_environ, running_cluster, say

PROCESSES = 4
SHOWN = (0, 1, 2, 3, 5, 10, 20)
"""Seconds of the table, and those after the server's return."""


@dataclass(frozen=True)
class Storm:
    """By the second since the server was killed."""

    tries: list[int]
    """Of whatever end; a list with its watch is one. All until the first watch is open again."""
    again: list[int]
    """Tries of those whose new watch was ended by the server, too: one that starts ends the watches
    of custom resources when it has read their definitions."""
    answered: list[int]
    """Requests that reached the server: lists and watches."""
    bound: list[float]
    returned: float
    """When the server was ready again."""
    last_back: float
    """When the last one watched again."""

    @property
    def over(self) -> list[int]:
        """The seconds with more tries than promised, since the server answers again."""
        first = next((s for s, n in enumerate(self.answered) if n), len(self.tries))
        return [s for s in range(first, len(self.tries)) if self.tries[s] > self.bound[s]]

    @property
    def early(self) -> list[int]:
        """The seconds by whose end there had been more tries than promised by then.

        A busy machine makes tries late, and so may put more into a second than are promised for it,
        but never more than were promised by then.
        """
        tries, most = accumulate(self.tries), accumulate(self.bound)
        return [s for s, (n, m) in enumerate(zip(tries, most, strict=True)) if n > m]


def measure(cluster: Cluster, watches: int, away: float) -> Storm:
    """Kill it, bring it back, wait for the last one."""
    assert cluster.control_plane is not None
    with _reflectors(cluster, watches) as workers:
        say(f"{watches} watches: connecting …")
        for worker in workers:
            assert "watching" in _read(worker)
        say(f"killing the API server for {away:g} s …")
        killed, returned = _take_away(cluster.control_plane, away)
        backs = [_read(worker)["back"] for worker in workers]
        requests = [request for worker in workers for request in _read(worker)["requests"]]
    return _storm(requests, watches, killed, returned, max(backs))


def _take_away(control_plane: ControlPlane, away: float) -> tuple[float, float]:
    """When it was killed, and when it was ready again."""
    killed = time.monotonic()
    control_plane.apiserver.kill()
    time.sleep(killed + away - time.monotonic())
    control_plane.apiserver.start()
    say("it is back …")
    return killed, time.monotonic()


def _storm(
    requests: list[tuple[float, bool, bool, int]],
    watches: int,
    killed: float,
    returned: float,
    back: float,
) -> Storm:
    seconds = int(back - killed) + 1
    after = [(at - killed, *rest) for at, *rest in requests if at >= killed]
    return Storm(
        tries=_by_second((at for at, begins, _, opened in after if begins and opened < 2), seconds),
        again=_by_second((at for at, begins, _, opened in after if begins and opened > 1), seconds),
        answered=_by_second((at for at, _, answered, _ in after if answered), seconds),
        bound=bound(expected_tries(Pace(), seconds), watches),
        returned=returned - killed,
        last_back=back - killed,
    )


def _by_second(instants: Iterator[float], seconds: int) -> list[int]:
    counts = [0] * seconds
    for at in instants:
        counts[min(int(at), seconds - 1)] += 1
    return counts


@contextlib.contextmanager
def _reflectors(cluster: Cluster, watches: int) -> Iterator[list[subprocess.Popen[str]]]:
    mount = account(cluster, "reconnect").folder
    shares = [watches // PROCESSES + (n < watches % PROCESSES) for n in range(PROCESSES)]
    workers = [_launch(cluster, share, mount) for share in shares if share]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _launch(cluster: Cluster, share: int, mount: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.subjects.reconnecting", str(share), str(mount)],
        env=pod_environ(cluster),
        stdout=subprocess.PIPE,
        text=True,
    )


def _read(worker: subprocess.Popen[str]) -> dict[str, Any]:
    assert worker.stdout is not None
    told: dict[str, Any] = json.loads(worker.stdout.readline())
    return told


def report(storm: Storm, watches: int, away: float) -> str:
    """A table of some seconds, and what follows from all."""
    back = int(storm.returned)
    shown = [*SHOWN, *(back + second for second in SHOWN)]
    rows = [
        "| second after the kill | tries | promised: at most | lists and watches answered |",
        "|---|---|---|---|",
        *(_row(storm, second) for second in shown if second < len(storm.tries)),
    ]
    peak = max(storm.answered[back:], default=0)
    facts = [
        f"{watches:,} watches, the API server away for {away:g} s and ready at "
        f"{storm.returned:.1f} s.",
        f"More tries in a second than promised, since it answers: {_verdict(storm.over)}; more in "
        f"all than promised by then: {_verdict(storm.early)}.",
        f"Ended by the returned server and opened again: {sum(storm.again):,}, at most "
        f"{max(storm.again):,} in a second.",
        f"The returned server answered {sum(storm.answered):,} lists and watches, at most "
        f"{peak:,} in a second; the last watch was open at {storm.last_back:.1f} s.",
    ]
    return "\n".join([*rows, "", *facts])


def _verdict(seconds: list[int]) -> str:
    return f"in the seconds {seconds} ✗" if seconds else "never ✓"


def _row(storm: Storm, second: int) -> str:
    cells = (storm.tries[second], round(storm.bound[second]), storm.answered[second])
    return f"| {second} | " + " | ".join(f"{cell:,}" for cell in cells) + " |"


def draw(storm: Storm, watches: int, away: float) -> str:
    """The curve, as SVG."""
    title = f"{watches:,} watches lose their API server for {away:g} s: tries by the second"
    names = ("tries", "what full jitter promises, 4 standard deviations added")
    return chart(title, storm.tries, storm.bound, names, round(storm.returned))


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what is needed, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reconnect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--watches", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument(
        "--away", type=float, default=30.0, help="seconds without a server (default: %(default)s)"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the curve there")
    given = parser.parse_args(arguments)
    before = load()
    with running_cluster() as cluster:
        storm = measure(cluster, given.watches, given.away)
    print(report(storm, given.watches, given.away))
    print(f"Before: {before}; after: {load()}.")
    if given.svg:
        given.svg.write_text(draw(storm, given.watches, given.away))
    sys.exit(bool(storm.over or storm.early))


if __name__ == "__main__":
    main()
