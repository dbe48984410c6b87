"""Work that is no request: what a queue's worker or a job does to the same database.

Counted, then checked, as requests are, so that whoever waits until all has drained waits for it.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import TYPE_CHECKING

from fastapi_maintenance.windows import Refusal, RequestFacts, State

from . import ledger
from .base import BaseStateBackend, wall_clock
from .forks import ForkLock
from .ledger import Flight, Ledger

if TYPE_CHECKING:
    from fastapi_maintenance.windows import Network

WORK = "WORK"
"""As which work is listed among what runs, where requests have their method."""

_METHODS = ("POST", "PUT", "PATCH", "DELETE")


class MaintenanceActive(RuntimeError):
    """Work must not begin now, since maintenance is on."""

    def __init__(self, name: str, refusal: Refusal) -> None:
        self.refusal = refusal
        self.retry_after = _seconds_to_wait(refusal)
        """Seconds after which it may be tried again; None while nobody knows."""
        source = refusal.opening.source or "maintenance"
        super().__init__(f"{name} must not begin: {source}: {refusal.opening.response.message}")


class WorkFacts(RequestFacts):
    """Work, as decisions see it: a write by one of our own, to no path and from no address."""

    path = ""
    is_safe = False

    def __init__(self, method: str, needs: Set[str]) -> None:
        self.method = method
        self._needs = needs

    @property
    def dependencies(self) -> Set[str]:
        """What it needs."""
        return self._needs

    def comes_from(self, networks: Sequence[Network]) -> bool:
        """From nowhere."""
        return False

    def bears(self, hashes: Sequence[str]) -> bool:
        """No token lets it pass."""
        return False


class Entry:
    """Work, from its beginning to its end."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.since = wall_clock()


class Work:
    """A block of work; may be entered any number of times, also at once, and each counts."""

    def __init__(self, backend: BaseStateBackend, name: str, needs: Iterable[str]) -> None:
        if isinstance(needs, str):
            raise TypeError(f"needs takes several: write needs=[{needs!r}]")
        self.name = name
        self._backend = backend
        self._works = works_of(backend)
        self._entered: list[Entry] = []
        self._facts = [WorkFacts(method, frozenset(needs)) for method in _METHODS]

    def refusal(self, state: State) -> Refusal | None:
        """What meets it: what any write would meet."""
        return next((found for f in self._facts if (found := state.refusal(f))), None)

    def __enter__(self) -> Work:
        entry = Entry(self)
        while not self._is_counted(entry):
            self._backend.wait()
            if not self._backend.ready:  # a backend that has to be asked each time
                break
        return self._checked(entry)

    async def __aenter__(self) -> Work:
        entry = Entry(self)
        while not self._is_counted(entry):
            await self._backend.wait_until_ready()
            if not self._backend.ready:
                break
        return self._checked(entry)

    def __exit__(self, *_: object) -> None:
        self._leave()

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _is_counted(self, entry: Entry) -> bool:
        """Count it, unless the gate is closed: then nobody counts any more."""
        self._works.add(entry)
        if self._backend.ready:
            return True
        self._works.remove(entry)
        return False

    def _checked(self, entry: Entry) -> Work:
        self._works.add(entry)
        entry.since = wall_clock()
        refusal = self.refusal(self._backend.decide())
        if refusal is not None:
            self._works.remove(entry)
            raise MaintenanceActive(self.name, refusal)
        self._entered.append(entry)
        return self

    def _leave(self) -> None:
        # Whichever of several ends: as many are left, and the longest is still known.
        self._works.remove(self._entered.pop())


class Works(Ledger):
    """All work that runs as one backend lets it."""

    def __init__(self, backend: BaseStateBackend) -> None:
        self._backend = weakref.ref(backend)
        self._running: dict[int, Entry] = {}

    def add(self, entry: Entry) -> None:
        """Count it."""
        self._running[id(entry)] = entry

    def remove(self, entry: Entry) -> None:
        """It has ended, or never began."""
        self._running.pop(id(entry), None)

    def asks(self, backend: BaseStateBackend) -> bool:
        """Whether it lets in as this backend says."""
        own = self._backend()
        return any(member is backend for member in getattr(own, "members", (own,)))

    def covered(self, state: State) -> Iterator[Flight]:
        """The work that a state refuses."""
        for entry in list(self._running.values()):
            if entry.work.refusal(state) is not None:
                yield Flight(entry.since, WORK, entry.work.name)

    def running(self) -> int:
        """How much runs."""
        return len(self._running)

    def forget(self) -> None:
        """Start with nothing."""
        self._running.clear()


def works_of(backend: BaseStateBackend) -> Works:
    """The ledger of a backend's work, made with the first of it."""
    with _making:
        if backend not in _works:
            _works[backend] = Works(backend)
            ledger.add(_works[backend])
        return _works[backend]


def work_in_flight(backend: BaseStateBackend) -> int:
    """How much work runs that would be refused now."""
    works = _works.get(backend)
    return 0 if works is None else sum(1 for _ in works.covered(backend.decide()))


def _seconds_to_wait(refusal: Refusal) -> int | None:
    given = refusal.opening.response.retry_after_seconds
    if given is not None or refusal.until is None:
        return given
    return max(0, math.ceil(refusal.until.timestamp() - wall_clock()))


_works: weakref.WeakKeyDictionary[BaseStateBackend, Works] = weakref.WeakKeyDictionary()
_making = ForkLock()
