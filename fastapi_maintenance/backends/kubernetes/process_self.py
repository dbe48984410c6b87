"""Who this process is: its Pod, by the token that the kubelet gave it, and its life, by /proc.

And whether another process of the same Pod has ended, which only somebody in its PID namespace can
tell (pid_namespaces(7)).
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from . import identity
from .process import Life, Pod, Self

PROC = Path("/proc")

POD_NAME, POD_UID, CONTAINER_NAME = "POD_NAME", "POD_UID", "CONTAINER_NAME"
"""Variables that say more, or other, than the token: from the downward API."""


def find_self(app: str | None, namespace: str) -> Self:
    """Who this process is, as far as that can be told.

    Args:
        app: the name that windows match.
        namespace: of the windows that are followed, which need not be the Pod's.
    """
    return Self(app, _find_pod(namespace), life_of_process(os.getpid()))


def life_of_process(pid: int, proc: Path | None = None) -> Life | None:
    """What tells a process from every other; None where there is none, or no /proc to ask.

    The PID namespace is our own, in which we see the process.
    """
    proc = proc or PROC
    try:
        namespace = str((proc / "self/ns/pid").readlink())
        # The name, in brackets, may hold anything, brackets included.
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return Life(pid, int(fields[19]), namespace)
    except (OSError, ValueError, IndexError):
        return None


def has_ended(life: Life, proc: Path | None = None) -> bool:
    """Whether it is proven that a process runs no more; False also where nothing can be told."""
    proc = proc or PROC
    own = life_of_process(os.getpid(), proc)
    if own is None or own.namespace != life.namespace:
        return False
    if (found := life_of_process(life.pid, proc)) is not None:
        return found.start_ticks != life.start_ticks
    return not (proc / str(life.pid)).exists()


def _find_pod(followed: str) -> Pod | None:
    claims = _claims()
    claim = claims.get("pod") or {}
    name = os.environ.get(POD_NAME) or claim.get("name")
    uid = os.environ.get(POD_UID) or claim.get("uid")
    if not name or not uid:
        return None
    where = claims.get("namespace")
    elsewhere = str(where) if where not in (None, followed) else None
    return Pod(str(name), str(uid), os.environ.get(CONTAINER_NAME) or None, elsewhere)


def _claims() -> dict[str, Any]:
    """What our token is bound to (KEP-1205); its signature is for the server to check."""
    try:
        _, payload, _ = (identity.MOUNT / "token").read_text().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        bound = claims["kubernetes.io"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return bound if isinstance(bound, dict) and isinstance(bound.get("pod"), dict) else {}
