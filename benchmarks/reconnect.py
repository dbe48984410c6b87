"""What an API server that was away meets when it is back: as many watches as there are Pods.

Reflectors watch a real API server, a few hundred in each of some processes. It is killed, and
started again after a time. Whatever the reflectors ask, also of a port where nobody listens, is
counted by the second, beside what their jitter promises: the curve of `benchmarks.jitter`. A server
that was started anew has no past, so that each comes back with three requests: a watch that is told
that its version is gone, a list, and a watch.

Run it with `make bench-reconnect`; it prints Markdown, and progress on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from fastapi_maintenance.backends.kubernetes.pace import Pace
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.target import Cluster

from .jitter import FOLLOWING, at_most, expected_comings, expected_tries
from .plot import chart
from .shop import account, load, pod_environ, running_cluster, say
from .workers import answer_of, start

PROCESSES = 4
SHOWN = (0, 1, 2, 3, 5, 10, 20)
"""Seconds of the table, and those after the server's return."""


@dataclass(frozen=True)
class Storm:
    """By the second since the server was killed: every request of every reflector."""

    asked: list[int]
    """Lists and watches, of whatever end."""
    answered: list[int]
    """Those of them that the server answered."""
    mean: list[float]
    """As many as jitter lets come, at most, chance aside."""
    variance: list[float]
    held: list[int]
    """Requests of earlier seconds that were answered in this one: each may be followed at once by a
    list and a watch, however evenly they came."""
    listening: float
    """When the server took the first request that it answered."""
    returned: float
    """When it was ready."""
    last_back: float
    """When the last one watched again."""

    @property
    def bound(self) -> list[float]:
        """What is allowed for each second."""
        promised = map(at_most, self.mean, self.variance)
        return [p + FOLLOWING * h for p, h in zip(promised, self.held, strict=True)]

    @property
    def over(self) -> list[int]:
        """The seconds with more requests than allowed, since the server answers again."""
        seconds = range(int(self.listening), len(self.asked))
        return [s for s in seconds if self.asked[s] > self.bound[s]]

    @property
    def early(self) -> list[int]:
        """The seconds by whose end there had been more requests than promised by then.

        A busy machine or server makes requests late, and so may put more into a second than are
        promised for it, but never more than were promised by then.
        """
        most = map(at_most, accumulate(self.mean), accumulate(self.variance))
        asked = accumulate(self.asked)
        return [s for s, (n, m) in enumerate(zip(asked, most, strict=True)) if n > m]


def measure(cluster: Cluster, watches: int, away: float) -> Storm:
    """Kill it, bring it back, wait for the last one."""
    assert cluster.control_plane is not None
    with _reflectors(cluster, watches) as workers:
        say(f"{watches} watches: connecting …")
        for worker in workers:
            assert "watching" in answer_of(worker)
        say(f"killing the API server for {away:g} s …")
        killed, returned = _take_away(cluster.control_plane, away)
        backs = [answer_of(worker)["back"] for worker in workers]
        told = [request for worker in workers for request in answer_of(worker)["requests"]]
    # What was answered before the kill belongs to the beginning.
    since = [(at - killed, then and then - killed) for at, then in told if at >= killed]
    return storm_of(since, watches, returned - killed, max(backs) - killed)


def _take_away(control_plane: ControlPlane, away: float) -> tuple[float, float]:
    """When it was killed, and when it was ready again."""
    killed = time.monotonic()
    control_plane.apiserver.kill()
    time.sleep(max(0.0, killed + away - time.monotonic()))
    control_plane.apiserver.start()
    say("it is back …")
    return killed, time.monotonic()


def storm_of(
    requests: Sequence[tuple[float, float | None]],
    watches: int,
    returned: float,
    back: float,
) -> Storm:
    """What so many did; all times are seconds since the kill."""
    seconds = int(back) + 1
    answered = [(at, then) for at, then in requests if then is not None]
    listening = min((at for at, _ in answered), default=back)
    tries = expected_tries(Pace(), seconds)
    both = list(zip(tries, expected_comings(Pace(), seconds, listening), strict=True))
    return Storm(
        asked=_by_second((at for at, _ in requests), seconds),
        answered=_by_second((at for at, _ in answered), seconds),
        mean=[watches * (one + FOLLOWING * more) for one, more in both],
        # Those that follow come together.
        variance=[watches * (one + FOLLOWING**2 * more) for one, more in both],
        held=_by_second((then for at, then in answered if int(then) > int(at)), seconds),
        listening=listening,
        returned=returned,
        last_back=back,
    )


def _by_second(instants: Iterable[float], seconds: int) -> list[int]:
    counts = [0] * seconds
    for at in instants:
        counts[min(int(at), seconds - 1)] += 1
    return counts


@contextlib.contextmanager
def _reflectors(cluster: Cluster, watches: int) -> Iterator[list[subprocess.Popen[str]]]:
    mount = account(cluster, "reconnect").folder
    shares = [watches // PROCESSES + (n < watches % PROCESSES) for n in range(PROCESSES)]
    env = pod_environ(cluster)
    workers = [start("reconnecting", str(n), str(mount), env=env) for n in shares if n]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def report(storm: Storm, watches: int, away: float) -> str:
    """A table of some seconds, and what follows from all."""
    back = int(storm.returned)
    shown = [*SHOWN, *(back + second for second in SHOWN)]
    rows = [
        "| second after the kill | lists and watches asked for | allowed: at most | answered |",
        "|---|---|---|---|",
        *(_row(storm, second) for second in shown if second < len(storm.asked)),
    ]
    peak = max(storm.answered[int(storm.listening) :], default=0)
    facts = [
        f"{watches:,} watches, the API server away for {away:g} s and ready at "
        f"{storm.returned:.1f} s.",
        f"More requests in a second than allowed, since it answers: {_verdict(storm.over)}; more "
        f"in all than promised by then: {_verdict(storm.early)}.",
        f"The returned server answered {sum(storm.answered):,} lists and watches, at most "
        f"{peak:,} in a second; the last watch was open at {storm.last_back:.1f} s.",
    ]
    return "\n".join([*rows, "", *facts])


def _verdict(seconds: list[int]) -> str:
    return f"in the seconds {seconds} ✗" if seconds else "never ✓"


def _row(storm: Storm, second: int) -> str:
    cells = (storm.asked[second], round(storm.bound[second]), storm.answered[second])
    return f"| {second} | " + " | ".join(f"{cell:,}" for cell in cells) + " |"


def draw(storm: Storm, watches: int, away: float) -> str:
    """The curve, as SVG."""
    title = f"{watches:,} watches lose their API server for {away:g} s: requests by the second"
    names = ("lists and watches asked for", "what jitter allows, 4 standard deviations added")
    return chart(title, storm.asked, storm.bound, names, round(storm.returned))


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
