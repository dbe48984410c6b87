"""What an application may answer, worked out from what was written and when: plain arithmetic.

Nothing of the package under test is used here. A process has always seen some part of the writes:
at least those whose time to arrive is over, and those that it has already spoken of; at most those
that were sent. Its answer must follow from one such part, at an instant between question and
answer. For a process that watches windows itself the part is a beginning of all writes; a plan is
put together window by window.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Version:
    """What a write made of a window; instants are POSIX seconds."""

    number: int
    """Of the write, from 1; it stands in the window's message."""
    name: str
    sent: float
    acknowledged: float
    deleted: bool = False
    start: float = 0.0
    end: float = math.inf
    mode: str = "Full"
    path: str | None = None
    app: str = "orders"
    suspended: bool = False

    def refuses(self, method: str, path: str, now: float) -> bool:
        """Whether it refuses a request to the app orders."""
        silent = self.deleted or self.suspended or self.app != "orders"
        concerned = self.path in (None, path) and (self.mode == "Full" or method not in READS)
        return not silent and concerned and self.start <= now < self.end


@dataclass(frozen=True)
class Answer:
    """What a client was told, and the instants between which that was decided."""

    method: str
    path: str
    asked: float
    answered: float
    code: int
    number: int = 0
    """Of the write that the refusal speaks of."""


@dataclass(frozen=True)
class Trouble:
    """From when to when writes could not arrive as usual."""

    began: float
    ended: float


@dataclass
class Judgement:
    """What came of the comparison."""

    wrong: list[Answer] = field(default_factory=list)
    certain: int = 0
    """Answers where all that was possible led to a refusal, or all to none."""
    stalest: float = 0.0
    """Seconds by which an answer lagged behind, apart from trouble, at most."""


class Oracle:
    """Judges the answers of one application process.

    Args:
        versions: all writes, by their numbers from 1.
        troubles: of this process, each with the time that it may need to recover.
        propagation: seconds that an acknowledged write may take without any trouble.
        ordered: whether writes arrive in their order, or in that of each window alone.
    """

    def __init__(
        self,
        versions: Sequence[Version],
        troubles: Iterable[Trouble],
        propagation: float,
        *,
        ordered: bool,
    ) -> None:
        self._versions = versions
        self._sent = [version.sent for version in versions]
        self._acknowledged = [version.acknowledged for version in versions]
        self._ordered = ordered
        self._troubles = merged(troubles)
        self._due = [
            arrival(version.acknowledged, self._troubles, propagation) for version in versions
        ]
        self._states = list(_states(versions))
        self._edges = sorted({edge for v in versions for edge in (v.start, v.end)})

    def judge(self, answers: Sequence[Answer]) -> Judgement:
        """Compare all answers of the process, in whatever order."""
        found = Judgement()
        spoken = _Spoken(self._versions, answers, ordered=self._ordered)
        for answer in answers:
            possible = list(self._possible(answer, spoken))
            right = any(_agrees(answer, versions, now) for versions, now in possible)
            found.certain += len({_refuses(answer, *each) for each in possible}) == 1
            if not right:
                found.wrong.append(answer)
            elif self._ordered:
                found.stalest = max(found.stalest, self._lag(answer))
        return found

    def _possible(self, answer: Answer, spoken: _Spoken) -> Iterator[tuple[Versions, float]]:
        """What the process may have known, and the instants at which it may have looked."""
        least = bisect.bisect_right(self._due, answer.asked)
        most = bisect.bisect_right(self._sent, answer.answered)
        parts = self._parts if self._ordered else self._parts_apart
        for versions in parts(answer, least, most, spoken):
            for now in self._instants(answer):
                yield versions, now

    def _parts(self, answer: Answer, least: int, most: int, spoken: _Spoken) -> Iterator[Versions]:
        """Beginnings of all writes."""
        for number in range(max(least, spoken.before(answer.asked)), most + 1):
            yield self._states[number].values()

    def _parts_apart(
        self, answer: Answer, least: int, most: int, spoken: _Spoken
    ) -> Iterator[Versions]:
        """Of the writes of each window a beginning.

        Where the answer passes, all versions that refuse now are to be avoided; where it refuses,
        one is to be found: so two choices stand for all, the most lenient and the named one.
        """
        choices = [
            self._choices(name, max(least, spoken.before(answer.asked, name)), most)
            for name in self._states[-1]
        ]
        for now in self._instants(answer):
            lenient = [min(c, key=lambda v: _silence(v, answer, now)) for c in choices]
            yield [version for version in lenient if version]
            for choice in choices:
                for version in choice:
                    if version and version.refuses(answer.method, answer.path, now):
                        yield [version]

    def _choices(self, name: str, least: int, most: int) -> list[Version | None]:
        """What may be known of a window; None: nothing yet."""
        later = self._versions[least:most]
        return [self._states[least].get(name), *(v for v in later if v.name == name)]

    def _instants(self, answer: Answer) -> list[float]:
        """Those at which something may have been otherwise: question, answer, edges between."""
        between = self._edges_between(answer.asked, answer.answered)
        return [answer.asked, *between, answer.answered]

    def _edges_between(self, first: float, last: float) -> list[float]:
        left, right = (
            bisect.bisect_right(self._edges, first),
            bisect.bisect_right(self._edges, last),
        )
        return self._edges[left:right]

    def _follows(self, answer: Answer, number: int) -> bool:
        versions = self._states[number].values()
        return any(_agrees(answer, versions, now) for now in self._instants(answer))

    def _lag(self, answer: Answer) -> float:
        """For how long it had been possible to know what it did not; 0 amid trouble."""
        newest = bisect.bisect_right(self._acknowledged, answer.asked)
        known = newest
        while known and not self._follows(answer, known):
            known -= 1
        if known == newest:
            return 0.0
        since = self._acknowledged[known]
        amid = any(t.began <= answer.answered and t.ended >= since for t in self._troubles)
        return 0.0 if amid else answer.asked - since


Versions = Iterable[Version]


class _Spoken:
    """Up to which write a process has spoken, by any answer that was over at an instant."""

    def __init__(
        self, versions: Sequence[Version], answers: Sequence[Answer], *, ordered: bool
    ) -> None:
        self._ends: dict[str, list[float]] = {}
        self._most: dict[str, list[int]] = {}
        for answer in sorted(answers, key=lambda answer: answer.answered):
            if 1 <= answer.number <= len(versions):
                name = "" if ordered else versions[answer.number - 1].name
                most = self._most.setdefault(name, [0])
                most.append(max(most[-1], answer.number))
                self._ends.setdefault(name, []).append(answer.answered)

    def before(self, instant: float, name: str = "") -> int:
        """The latest write."""
        ends = self._ends.get(name)
        return self._most[name][bisect.bisect_left(ends, instant)] if ends else 0


def _refuses(answer: Answer, versions: Iterable[Version], now: float) -> bool:
    return any(version.refuses(answer.method, answer.path, now) for version in versions)


def _silence(version: Version | None, answer: Answer, now: float) -> bool:
    return version is not None and version.refuses(answer.method, answer.path, now)


def _agrees(answer: Answer, versions: Iterable[Version], now: float) -> bool:
    """Whether it is what follows at an instant; of several the one that ends last answers."""
    refusing = [v for v in versions if v.refuses(answer.method, answer.path, now)]
    if answer.code == 200:
        return not refusing
    last = max((v.end for v in refusing), default=0.0)
    return answer.number in {v.number for v in refusing if v.end == last}


def _states(versions: Sequence[Version]) -> Iterator[dict[str, Version]]:
    """After no write, after the first, and so on."""
    state: dict[str, Version] = {}
    yield state
    for version in versions:
        state = state | {version.name: version}
        yield state


def merged(troubles: Iterable[Trouble]) -> list[Trouble]:
    """Those that overlap are one."""
    found: list[Trouble] = []
    for trouble in sorted(troubles, key=lambda trouble: trouble.began):
        if found and trouble.began <= found[-1].ended:
            last = found.pop()
            trouble = Trouble(last.began, max(last.ended, trouble.ended))
        found.append(trouble)
    return found


def arrival(acknowledged: float, troubles: Sequence[Trouble], propagation: float) -> float:
    """When a write must have arrived; `troubles` are merged."""
    due = acknowledged + propagation
    for trouble in troubles:
        if trouble.began <= due and trouble.ended >= acknowledged:
            due = max(due, trouble.ended + propagation)
    return due
