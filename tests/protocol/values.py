"""What there is in the model: in etcd, in processes, in the operator, and in a scenario.

Time goes in ticks, of which one is as much as clocks may differ. A request is of a kind: a window
of scope 1 refuses kind 1, one of scope 2 both.
"""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """A window as it stands in etcd, in a plan, or in the memory of a process."""

    uid: int
    generation: int
    scope: int
    occurrences: tuple[tuple[int, int], ...]

    def open_at(self, now: int) -> tuple[int, int] | None:
        """The occurrence that contains an instant."""
        return next((o for o in self.occurrences if o[0] <= now < o[1]), None)


class Status(NamedTuple):
    """`Drained=True`, and for what; of `Drained=False` there is nothing to be known."""

    occurrence: int
    scope: int
    generation: int
    until: int


class Said(NamedTuple):
    """What a process acknowledges."""

    uid: int
    generation: int
    scope: int
    occurrence: int
    until: int


class Item(NamedTuple):
    """A MaintenanceProcess."""

    said: Said | None = None
    busy: bool = False


class Process(NamedTuple):
    """A process, as it is."""

    phase: str = "new"
    view: Window | None = None
    """The window that it knows."""
    request: str = ""
    """Where a request is: counted, checked, running; or there is none."""
    begun: Said | None = None
    """What it has acknowledged last."""
    late: int = 0
    """By how many ticks its clock is."""


class Round(NamedTuple):
    """What the operator has read so far."""

    window: Window
    status: Status | None
    planned: bool = False
    items: tuple[tuple[int, Item], ...] | None = None
    at: int = 0


Items = tuple[tuple[int, Item], ...]


class State(NamedTuple):
    """All there is."""

    processes: tuple[Process, ...]
    now: int = 0
    done: int = 0
    """How much of what the user will do is done."""
    window: Window | None = None
    status: Status | None = None
    plan: Window | None = None
    items: Items = ()
    cache: Items = ()
    """What an operator without R10 would know of processes."""
    round: Round | None = None


class Scenario(NamedTuple):
    """What there is to begin with, and what may happen beside the ordinary."""

    user: tuple[Window | None, ...]
    """One after the other: creates, edits (the same uid) and deletes."""
    processes: tuple[Process, ...] = (Process(),)
    horizon: int = 3
    kind: int = 1
    of_plan: tuple[int, ...] = ()
    """Those that read the plan, and not the window."""
    mute: tuple[int, ...] = ()
    """Those that hear and say nothing any more once they serve."""
    exempt: tuple[int, ...] = ()
    """Those whose gate is told to ignore windows."""
    one_pod: bool = False
    """All processes are workers in one Pod."""
    ends: bool = False
    """Processes may be told to stop, may die, and their Pods may be deleted."""
    steps_back: bool = False
    """A clock may be set back."""
