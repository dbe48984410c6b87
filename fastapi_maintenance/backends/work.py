"""Work that is no request: what a queue's worker or a job does to the same database.

Counted, then checked, as requests are, so that whoever waits until all has drained waits for it.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence, Set
from types import TracebackType
from typing import TYPE_CHECKING

from fastapi_maintenance.windows import Refusal, RequestFacts, State

from . import ledger
from .base import BaseStateBackend, wall_clock
from .ledger import Flight, Ledger

if TYPE_CHECKING:
    from fastapi_maintenance.windows import Network

WORK = "WORK"
"""What counts as the method of work, beside those of any write."""

_METHODS = (WORK, "POST", "PUT", "PATCH", "DELETE")


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


class Work:
    """A block of work; entered once."""

    def __init__(self, backend: BaseStateBackend, name: str, needs: Iterable[str]) -> None:
        if isinstance(needs, str):
            raise TypeError(f"needs takes several: write needs=[{needs!r}]")
        self.name = name
        self.since = wall_clock()
        self._backend = backend
        self._works = works_of(backend)
        self._facts = [WorkFacts(method, frozenset(needs)) for method in _METHODS]

    def refusal(self, state: State) -> Refusal | None:
        """What meets it: what any write would meet."""
        return next((found for f in self._facts if (found := state.refusal(f))), None)

    def __enter__(self) -> Work:
        while not self._is_counted():
            self._backend.wait()
            if not self._backend.ready:  # a backend that has to be asked each time
                break
        return self._checked()

    async def __aenter__(self) -> Work:
        while not self._is_counted():
            await self._backend.wait_until_ready()
            if not self._backend.ready:
                break
        return self._checked()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._works.remove(self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._works.remove(self)

    def _is_counted(self) -> bool:
        """Count it, unless the gate is closed: then nobody counts any more."""
        self._works.add(self)
        if self._backend.ready:
            return True
        self._works.remove(self)
        return False

    def _checked(self) -> Work:
        self._works.add(self)
        self.since = wall_clock()
        refusal = self.refusal(self._backend.decide())
        if refusal is not None:
            self._works.remove(self)
            raise MaintenanceActive(self.name, refusal)
        return self


class Works(Ledger):
    """All work that runs as one backend lets it."""

    def __init__(self, backend: BaseStateBackend) -> None:
        self._backend = weakref.ref(backend)
        self._running: dict[int, Work] = {}

    def add(self, work: Work) -> None:
        """Count it."""
        self._running[id(work)] = work

    def remove(self, work: Work) -> None:
        """It has ended, or never began."""
        self._running.pop(id(work), None)

    def asks(self, backend: BaseStateBackend) -> bool:
        """Whether it lets in as this backend says."""
        own = self._backend()
        return any(member is backend for member in getattr(own, "members", (own,)))

    def covered(self, state: State) -> Iterator[Flight]:
        """The work that a state refuses."""
        for work in list(self._running.values()):
            if work.refusal(state) is not None:
                yield Flight(work.since, WORK, work.name)

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
_making = threading.Lock()
