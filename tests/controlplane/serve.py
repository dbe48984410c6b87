"""The process behind `up`: control plane and operator, until somebody ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.chart import NAMESPACE
from tests.controlplane import flags, ports
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.holding import held
from tests.controlplane.install import install, start_operator
from tests.controlplane.standing import say
from tests.controlplane.target import own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.controlplane.install import Operator
    from tests.controlplane.parts import Parts

RENEWAL = 600.0  # seconds; a kubelet renews a Pod's token in time too


def serve(folder: Path, until_exit_of: int | None = None) -> int:
    """Serve from `folder` until SIGTERM, Ctrl-C, or the end of process `until_exit_of`."""
    with unwound(folder) as stack:
        began = time.monotonic()
        control_plane = ControlPlane(folder)
        stack.callback(control_plane.close)
        control_plane.start()
        say(f"etcd, API server and controller-manager: ready after {since(began)}")
        cluster = own(control_plane)
        install(cluster)
        say(f"CRDs and rights: in place after {since(began)}")
        page = ports.free_port()
        operator = start_operator(cluster, "--page=full", f"--page-port={page}")
        stack.callback(operator.stop)
        say(f"operator, in {NAMESPACE}: ready after {since(began)}")
        say(f"its page: http://{flags.HOST}:{page}/")
        return watch(control_plane, until_exit_of, _caretaker(operator))


@contextmanager
def unwound(folder: Path) -> Iterator[ExitStack]:
    """The folder is ours; at the end, by a signal too, what was started last ends first."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        stack.enter_context(held(folder))
        yield stack


def since(began: float) -> str:
    """The seconds since then, as text."""
    return f"{time.monotonic() - began:.1f} s"


def watch(
    parts: Parts, until_exit_of: int | None, each_second: Callable[[], None] = lambda: None
) -> int:
    """Say that all is ready, and wait; 1 when a part has ended by itself."""
    (parts.folder / "ready").touch()
    tick = threading.Event()
    while until_exit_of is None or exists(until_exit_of):
        tick.wait(1)
        for daemon in parts.daemons:
            if not daemon.running:
                say(f"{daemon!r}:\n{daemon.process.tail()}")
                return 1
        each_second()
    return 0


def _caretaker(operator: Operator) -> Callable[[], None]:
    """What a node does: start an operator that exited, renew its token."""
    renewed = time.monotonic()

    def care() -> None:
        nonlocal renewed
        if not operator.running:
            say(f"{operator!r}; starting it again:\n{operator.process.tail()}")
            operator.spawn()
        if time.monotonic() - renewed > RENEWAL:
            operator.identity.renew()
            renewed = time.monotonic()

    return care


def exists(pid: int) -> bool:
    """Whether a process has that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
