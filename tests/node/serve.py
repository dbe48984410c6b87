"""The process behind `up`: the node, until somebody ends it."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from tests.controlplane.kubectl import find_kubectl
from tests.controlplane.serve import since, unwound, watch
from tests.controlplane.standing import say
from tests.node.node import Node

if TYPE_CHECKING:
    from pathlib import Path


def serve(folder: Path, until_exit_of: int | None = None) -> int:
    """Serve from `folder` until SIGTERM, Ctrl-C, or the end of process `until_exit_of`."""
    with unwound(folder) as stack:
        began = time.monotonic()
        node = Node(folder)
        stack.callback(node.close)
        node.start()
        say(f"node: ready for Pods after {since(began)}")
        _write_wrappers(node)
        return watch(node, until_exit_of)


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
