"""Whether a Pod, as a consistent read has it, proves that a process of it has ended. Pure.

By the kubelet's word alone: a Pod's phase is also set by others, who only believe that it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi_maintenance.proof.processes import Process

_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


def why_gone(process: Process, pod: Mapping[str, Any] | None) -> str | None:
    """The proof in a few words; None where there is none.

    Args:
        process: one that names a Pod; of others nothing can be proven.
        pod: the Pod of that name; None where there is none.
    """
    if process.pod is None:
        return None
    if pod is None:
        return "its Pod is gone"
    if pod["metadata"]["uid"] != process.pod.uid:
        return "its Pod has been replaced"
    containers = _containers(process, pod)
    if containers and all(_lacks(container, process.renewed) for container in containers):
        return "its container has ended or was started again"
    return None


def _containers(process: Process, pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The container of a process; all that it may be in, where it was not told."""
    status = pod.get("status") or {}
    found = [each for kind in _STATUSES for each in status.get(kind) or ()]
    name = process.pod.container if process.pod else None
    return [each for each in found if name is None or each["name"] == name]


def _lacks(container: Mapping[str, Any], renewed: datetime) -> bool:
    """Whether what wrote then can't run in this container now.

    The times of Pods are in whole seconds, rounded down.
    """
    state = container.get("state") or {}
    second = renewed.replace(microsecond=0)
    if "terminated" in state:
        return _ended_since(state["terminated"], second)
    if "running" in state:
        return _instant(state["running"].get("startedAt"), renewed) > renewed
    # Waiting to be started again.
    last = (container.get("lastState") or {}).get("terminated")
    return last is not None and _ended_since(last, second)


def _ended_since(terminated: Mapping[str, Any], second: datetime) -> bool:
    """A process that was heard after its container's end is in a later life of it."""
    ended = terminated.get("finishedAt")
    return ended is None or _instant(ended, second) >= second


def _instant(value: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(value) if value else otherwise
