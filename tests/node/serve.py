"""The process behind `up`: the node, until somebody ends it."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.controlplane.holding import held
from tests.controlplane.kubectl import find_kubectl
from tests.controlplane.serve import exists, since
from tests.controlplane.standing import say
from tests.node.node import Node

if TYPE_CHECKING:
    from pathlib import Path


def serve(folder: Path, until_exit_of: int | None = None) -> int:
    """Serve from `folder` until SIGTERM, Ctrl-C, or the end of process `until_exit_of`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        stack.enter_context(held(folder))
        began = time.monotonic()
        node = Node(folder)
        stack.callback(node.close)
        node.start()
        say(f"node: ready for Pods after {since(began)}")
        _write_wrappers(node)
        (folder / "ready").touch()
        return _watch(node, until_exit_of)


def _write_wrappers(node: Node) -> None:
    """Commands for people: kubectl on this cluster, and anything from within the node."""
    kubectl = f"KUBECONFIG={shlex.quote(str(node.kubeconfig))} exec {shlex.quote(find_kubectl())}"
    _write_script(node.folder / "kubectl", kubectl)
    enter = ["nsenter", "-t", str(node.holder.pid), "-m", "-p", "-n"]
    _write_script(node.folder / "inside", f"exec {shlex.join(enter)}")
    say(f"{node.folder}/kubectl …   kubectl as an administrator, without setting KUBECONFIG")
    say(f"{node.folder}/inside …    a command within the node, such as curl to a Service")


def _write_script(path: Path, command: str) -> None:
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)


def _watch(node: Node, until_exit_of: int | None) -> int:
    """Wait; 1 when a part has ended by itself."""
    tick = threading.Event()
    while until_exit_of is None or exists(until_exit_of):
        tick.wait(1)
        for daemon in node.daemons:
            if not daemon.running:
                say(f"{daemon!r}:\n{daemon.process.tail()}")
                return 1
    return 0
