"""When `Enforced` and `Drained` may be said of a window: pure.

A verdict rests on one consistent list of processes, on the plan that was in etcd before it was
listed, and on what stood in the window's status before. So it is the same for every operator, and
after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi_maintenance.windows import Occurrence, Window
from fastapi_maintenance.windows.scope import counts_for, scope_of

from . import wording as words
from .claim import MARGIN, Claim
from .conditions import Verdict
from .processes import MAX_CLOCK_SKEW, Process, Word

ENFORCED, DRAINED = "Enforced", "Drained"

_OVERDUE = timedelta(seconds=15)
"""A process that an open window waits for writes every 12 s at least."""
_LOOK_AFTER = timedelta(seconds=10)
"""How often the Pod of a process that is overdue is looked at."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the processes."""

    window: Window
    occurrence: Occurrence
    """The one that is open now."""
    now: datetime
    """Read before the processes were listed."""
    listed: datetime | None = None
    """Read when they had been; None: at the same moment."""
    unplanned: str | None = None
    """Why the plan in etcd lacks this version of the window; None if it has it."""
    is_planned: bool = True
    """Whether it has any version of it: else whoever follows the plan refuses nothing."""
    before: Claim | None = None
    """What is claimed already."""
    needs_all_apps: bool = True
    """Whether a process must report for each app that the window names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one process says to a question."""

    process: Process
    word: Word | None
    """Its word on this window, if it has one."""
    acknowledges: bool
    """Whether it refuses what the window refuses, for the occurrence in question."""
    silent: bool
    ahead: bool

    @property
    def lapses(self) -> bool:
        """Whether it says that it lets requests through."""
        return self.word is not None and self.word.reason is not None

    @property
    def in_flight(self) -> int:
        """How many requests run that the window refuses."""
        return self.word.in_flight if self.word else 0


@dataclass(frozen=True, slots=True)
class Proof:
    """What may be said of a window."""

    enforced: Verdict
    drained: Verdict
    counts: Mapping[str, int] | None = None
    """For ``status.processes``; None while the window is closed."""
    claim: Claim | None = None
    """What is claimed now."""
    look_again: datetime | None = None
    """When a verdict may change though no process says a word."""
    suspects: tuple[Process, ...] = ()
    """Those that may have ended: to look at their Pods is worth a request."""

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """Both, as conditions have them."""
        return self.enforced, self.drained

    @property
    def processes(self) -> dict[str, Any] | None:
        """``status.processes``."""
        if self.counts is None:
            return None
        return {**self.counts, **(self.claim.fields if self.claim else {})}


NOT_ACTIVE = Proof(
    Verdict(ENFORCED, False, "NotActive", words.NOT_ACTIVE),
    Verdict(DRAINED, False, "NotActive", words.NOT_ACTIVE),
)


def prove(question: Question, processes: Iterable[Process]) -> Proof:
    """What a consistent list of a namespace's processes proves."""
    listed = list(processes)
    counted = [p for p in listed if counts_for(question.window, p.app)]
    answers = [_answer(question, process) for process in counted]
    standing = _standing(question, answers)
    hindrance = _hindrance(question, answers, listed)
    enforced = _enforced(answers, hindrance, standing)
    drained = _drained(question, answers, hindrance, standing)
    suspects = tuple(_suspects(question, answers, done=drained.status is True))
    return Proof(
        enforced,
        drained,
        _counts(answers),
        _claim(question, answers, enforced, drained, standing),
        _look_again(question, answers, suspects, standing),
        suspects,
    )


def _answer(question: Question, process: Process) -> Answer:
    word, now = process.words.get(question.window.uid), question.now
    listed = question.listed or now
    acknowledges = word is not None and _acknowledges(question, word)
    return Answer(process, word, acknowledges, process.is_silent(now), process.is_ahead(listed))


def _acknowledges(question: Question, word: Word) -> bool:
    """Of this occurrence and scope, until some time to come, and without a reservation."""
    return (
        word.reason is None
        and word.occurrence == question.occurrence.start
        and _same_scope(question.window, word)
        and _lasts(question, word.until)
    )


def _same_scope(window: Window, word: Word) -> bool:
    """Where the recipes of two versions differ, scopes can't be compared."""
    scope = scope_of(window)
    if word.scope.partition(":")[0] != scope.partition(":")[0]:
        return word.generation == window.generation
    return word.scope == scope and _follows(window, word.generation)


def _follows(window: Window, generation: int) -> bool:
    """Whether no version came in between, by which a process may have let requests in."""
    return window.generation <= generation + 1


def _lasts(question: Question, until: datetime | None) -> bool:
    """Whether what ends then still holds; the window's own end is not to be feared."""
    end = question.occurrence.end
    if until is None or (end is not None and until >= end):
        return True
    return question.now < until - MARGIN


def _standing(question: Question, answers: Sequence[Answer]) -> Claim | None:
    """What was proven and still holds: new processes look before they serve, so none undoes it.

    But not against the word of a process that it lets requests through.
    """
    before = question.before
    if before is None or not question.is_planned or any(answer.lapses for answer in answers):
        return None
    same = before.occurrence == question.occurrence.start
    same = same and before.scope == scope_of(question.window)
    same = same and _follows(question.window, before.generation)
    return before if same and _lasts(question, before.until) else None


def _enforced(
    answers: Sequence[Answer], hindrance: Verdict | None, standing: Claim | None
) -> Verdict:
    if hindrance and not standing:
        return hindrance
    silent = [a for a in answers if a.silent]
    return Verdict(ENFORCED, True, "AllEnforce", words.all_enforce(answers, silent))


def _hindrance(
    question: Question, answers: Sequence[Answer], listed: Sequence[Process]
) -> Verdict | None:
    """Why `Enforced` can't be proven from this list; the gravest reason."""
    if question.unplanned:
        return Verdict(ENFORCED, None, question.unplanned, words.NOT_PLANNED)
    if question.needs_all_apps and (missing := words.no_processes(question.window, listed)):
        return Verdict(ENFORCED, None, "NoProcesses", missing)
    if lapsing := [a for a in answers if a.lapses]:
        return Verdict(ENFORCED, False, "NotEnforced", words.not_enforced(lapsing, answers))
    if ahead := [a for a in answers if a.ahead]:
        return Verdict(ENFORCED, None, "ClockSkewed", words.ahead(ahead))
    if silent := [a for a in answers if a.silent]:
        return Verdict(ENFORCED, None, "ProcessSilent", words.silent(silent))
    if pending := [a for a in answers if not a.acknowledges]:
        return Verdict(ENFORCED, False, "NotAcknowledged", words.pending(pending, answers))
    if question.now < (opens := question.occurrence.start + MAX_CLOCK_SKEW):
        return Verdict(ENFORCED, False, "Opening", words.opening(opens))
    return None


def _drained(
    question: Question,
    answers: Sequence[Answer],
    hindrance: Verdict | None,
    standing: Claim | None,
) -> Verdict:
    """Nothing from before still runs.

    Everybody must have spoken for that, also where `Enforced` stands: a process whose object was
    lost has registered anew, and may have begun before.
    """
    if standing and standing.drained:
        silent = [a for a in answers if a.silent]
        return Verdict(DRAINED, True, "AllDrained", words.all_drained(answers, silent))
    if hindrance and hindrance.status is None:
        return Verdict(DRAINED, None, hindrance.reason, hindrance.message)
    if running := [a for a in answers if a.in_flight]:
        return Verdict(DRAINED, False, "RequestsRunning", words.running(running, question.now))
    if hindrance:
        return Verdict(DRAINED, False, hindrance.reason, hindrance.message)
    return Verdict(DRAINED, True, "AllDrained", words.all_drained(answers))


def _claim(
    question: Question,
    answers: Sequence[Answer],
    enforced: Verdict,
    drained: Verdict,
    standing: Claim | None,
) -> Claim | None:
    if enforced.status is not True:
        return None
    window, occurrence = question.window, question.occurrence
    untils = [standing.until] if standing else []
    if not standing or (_all_acknowledge(answers) and not question.unplanned):
        untils = [answer.word.until for answer in answers if answer.word]
    # Whoever spoke of the version before may know this one by now, and be cut off from the next.
    until = min((end for end in (*untils, occurrence.end) if end is not None), default=None)
    return Claim(
        scope_of(window),
        occurrence.start,
        window.generation,
        until,
        drained=drained.status is True,
    )


def _all_acknowledge(answers: Sequence[Answer]) -> bool:
    """Also not where nobody is left: the window's end may have moved since they spoke."""
    return bool(answers) and all(a.acknowledges and not (a.silent or a.ahead) for a in answers)


def _counts(answers: Sequence[Answer]) -> dict[str, int]:
    return {
        "registered": len(answers),
        "enforcing": sum(a.acknowledges for a in answers),
        "draining": sum(a.in_flight > 0 for a in answers),
    }


def _suspects(question: Question, answers: Sequence[Answer], *, done: bool) -> Iterable[Process]:
    for answer in answers:
        heard = max(answer.process.renewed, question.occurrence.start)
        holds = not done and not (answer.acknowledges and not answer.in_flight)
        if answer.silent or (holds and question.now >= heard + _OVERDUE):
            yield answer.process


def _look_again(
    question: Question,
    answers: Sequence[Answer],
    suspects: Sequence[Process],
    standing: Claim | None,
) -> datetime | None:
    """The next instant at which somebody is silent, overdue, or believed no more."""
    now, start = question.now, question.occurrence.start
    instants = [start + MAX_CLOCK_SKEW]
    instants += [a.process.silent_from for a in answers]
    instants += [max(a.process.renewed, start) + _OVERDUE for a in answers if not a.acknowledges]
    ends = [standing.until if standing else None, *(a.word.until for a in answers if a.word)]
    instants += [end - MARGIN for end in ends if end is not None]
    if suspects or any(a.silent or a.ahead for a in answers):
        instants.append(now + _LOOK_AFTER)
    return min((instant for instant in instants if instant > now), default=None)
