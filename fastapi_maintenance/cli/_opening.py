"""Opening a window now: its manifest, and what may already be there."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi_maintenance.backends.kubernetes.objects import MADE_FOR, name_for
from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.windows import (
    API_VERSION,
    KIND,
    Mode,
    format_duration,
    format_instant,
    parse_manifest,
)

from ._cluster import Cluster, Object
from ._failures import Failure
from ._hints import named
from ._output import tell
from ._seen import MANAGED_BY, OPENED_BY, Seen, see
from ._times import now, until

KEPT = 7 * 86_400
"""Seconds that a window which the command line has opened may be looked at after its end."""
_SKEW = 2
"""Seconds that a start lies in the past: clocks differ, and all are to see the window open."""
_MOST_SKEW = 5.0
"""Seconds that clocks may be apart before it is worth a word."""
_CONFLICT = 409
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Opening:
    """What is to be opened."""

    apps: tuple[str, ...]
    duration: timedelta | None
    """None: until it is ended."""
    made_for: str
    name: str | None = None
    message: str | None = None
    read_only: bool = False
    description: str | None = None

    @property
    def called(self) -> str:
        """The name of the window: one for each set of apps, unless it was given one."""
        return self.name or name_for("+".join(sorted(self.apps)), self.made_for)

    @property
    def mode(self) -> Mode:
        """How much is refused."""
        return Mode.READ_ONLY if self.read_only else Mode.FULL

    def manifest(self, namespace: str, at: datetime, who: str | None) -> Object:
        """The object that opens it."""
        labels = {**MANAGED_BY, MADE_FOR: self.made_for}
        metadata: Object = {"name": self.called, "namespace": namespace, "labels": labels}
        if who:
            metadata["annotations"] = {OPENED_BY: who}
        start = datetime.fromtimestamp(math.floor(at.timestamp()) - _SKEW, UTC)
        spec: Object = {"apps": list(self.apps), "start": format_instant(start)}
        if self.duration is not None:
            spec["duration"] = format_duration(self.duration + timedelta(seconds=_SKEW))
        spec |= self._more()
        item = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        parse_manifest(item)
        return item

    def _more(self) -> dict[str, Any]:
        given = {
            "mode": str(self.mode) if self.read_only else None,
            "response": {"message": self.message} if self.message else None,
            "description": self.description,
            "ttlSecondsAfterFinished": KEPT,
        }
        return {name: value for name, value in given.items() if value is not None}


def skew_of(made: Object, asked: datetime, answered: datetime) -> str | None:
    """That this clock is off, by the time that the API server gave a new object.

    It may have been made at any time between question and answer, however long that took.
    """
    created = datetime.fromisoformat(made["metadata"]["creationTimestamp"])
    ahead, behind = (asked - created).total_seconds(), (created - answered).total_seconds()
    off = max(ahead, behind)
    if int(made["metadata"]["generation"]) > 1 or off < _MOST_SKEW:
        return None
    way = "ahead of" if off == ahead else "behind"
    return (
        f"warning: the clock of this machine is {off:.0f} s {way} the cluster's, and the "
        "window opens and ends so much off what is said here: see timedatectl"
    )


def fresh_name(apps: Sequence[str], made_for: str) -> str:
    """A name that no other window has."""
    return name_for("+".join(sorted(apps)), f"{made_for}-{secrets.token_hex(3)}")


async def open_window(cluster: Cluster, opening: Opening) -> tuple[Seen, bool]:
    """Open it, unless it is open; whether it had to be opened.

    Raises:
        Failure: a window of this name is somebody else's, or open for something else.
    """
    opening.manifest(cluster.namespace, now(), None)  # what is wrong is said before any request
    who = await cluster.user()
    for _ in range(_TRIES):
        at = now()
        item = await cluster.find_window(opening.called)
        if item is not None:
            seen = see(item, at)
            _check_own(seen, opening)
            if seen.current is not None:
                return seen, False
        try:
            made = await _write(cluster, opening.manifest(cluster.namespace, at, who), item)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            continue
        answered = now()
        if warning := skew_of(made, at, answered):
            tell(warning)
        return see(made, answered), True
    raise Failure(f'"{opening.called}" is written by somebody else all the time', "try again")


async def _write(cluster: Cluster, wanted: Object, old: Object | None) -> Object:
    """Make it; one of its name that is over opens again, with nothing left of what it was.

    Of its new generation nobody can have said yet that it is enforced.
    """
    if old is None:
        return await cluster.create_window(wanted)
    spec = dict.fromkeys(old.get("spec") or {}) | wanted["spec"]
    notes = wanted["metadata"].get("annotations")
    return await cluster.patch_window(old, spec, annotations=notes)


def _check_own(seen: Seen, opening: Opening) -> None:
    """Whether a window that has the name may be taken for this one, or replaced by it."""
    if seen.made_for != opening.made_for:
        raise Failure(
            f'maintenancewindow "{seen.name}" is there, and {opening.made_for} has not made it',
            "choose another name: --name NAME",
        )
    window = seen.window
    if window is None or seen.current is None:
        return
    if set(window.apps) != set(opening.apps) or window.mode is not opening.mode:
        raise Failure(
            f'maintenancewindow "{seen.name}" is open already, for {", ".join(window.apps)} '
            f"({window.mode}) until {until(seen.current.end, seen.at)}",
            f"end it, and open it anew: fastapi-maintenance end {named(seen.name, seen.namespace)}",
        )
