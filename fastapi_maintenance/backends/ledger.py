"""Who lets something in as a backend says, and so knows what runs.

A process may promise that it refuses requests, and that none of those still runs, only if
everything was counted before it was checked. The gates and the work of a process each keep a
ledger; whoever reports adds them up.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fastapi_maintenance.windows import State

    from .base import BaseStateBackend


class Flight(NamedTuple):
    """Something that runs: a request, a WebSocket, or other work."""

    since: float
    """When it began, POSIX seconds."""
    method: str
    """``WORK`` for what is no request."""
    route: str
    """The path of its route as it was declared, or the name of the work: never a path, which may
    say whose order it is."""


class Ledger:
    """What one gate, or the work of one backend, has let in."""

    turns = 0
    """How often something has begun or ceased to decide in the backend's place: who looks now and
    then sees also what was short."""

    def asks(self, backend: BaseStateBackend) -> bool:
        """Whether it lets in as this backend says."""
        raise NotImplementedError

    def backends(self) -> Sequence[BaseStateBackend]:
        """Whom a gate asks, each by itself; empty for what is no gate."""
        return ()

    def covered(self, state: State) -> Iterable[Flight]:
        """What runs of that which a state refuses; what can't be told counts."""
        raise NotImplementedError

    def uncounted(self) -> int:
        """How much runs that was let in before it was counted, and so counts always."""
        return 0

    def running(self) -> int:
        """How much runs of what was counted, whether anything refuses it or not."""
        raise NotImplementedError

    def lapse(self) -> str | None:
        """Why it would not refuse what the backend refuses, in one word; None if it would."""
        return None

    def forget(self) -> None:
        """Start with nothing, in the child of a fork: what ran before runs in the parent."""


def add(ledger: Ledger) -> None:
    """Know a new one, for as long as somebody else does."""
    with _adding:
        _known.add(ledger)


def ledgers_of(backend: BaseStateBackend) -> Iterator[Ledger]:
    """Those that let in as a backend says."""
    return (ledger for ledger in _all() if ledger.asks(backend))


def is_bypassed(backend: BaseStateBackend) -> bool:
    """Whether the gates of this process let in as others say, and nothing as this backend does.

    As where one's own backend asks it: what that lets in, nobody can tell. Where there is no gate
    at all, nothing comes in.
    """
    known = _all()
    asked = [each for ledger in known for each in ledger.backends()]
    if not asked or any(ledger.asks(backend) for ledger in known):
        return False
    # One that stands for the same state says itself what it lets in.
    key = type(backend), backend.state_key()
    return all((type(each), each.state_key()) != key for each in asked)


def _all() -> list[Ledger]:
    with _adding:
        return list(_known)


_known: weakref.WeakSet[Ledger] = weakref.WeakSet()
_adding = threading.Lock()


def _after_fork() -> None:
    global _adding
    _adding = threading.Lock()
    for ledger in list(_known):
        ledger.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
