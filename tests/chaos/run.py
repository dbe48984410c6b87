"""A run: start what is needed, let the plan happen, bring all back, judge."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.jitter import bound, expected_tries
from benchmarks.shop import administrator, path_of
from fastapi_maintenance.backends.kubernetes.pace import Pace
from tests.chaos.acting import Clock, Crew, Faults, Happened, Writer
from tests.chaos.company import KINDS, Application, Company, Kind, make_company
from tests.chaos.link import Link
from tests.chaos.oracle import Judgement, Oracle, Trouble, Version, merged
from tests.chaos.plan import NAMES, Manner, Spec, Write, draw_faults, draw_writes
from tests.chaos.settings import ASKED
from tests.controlplane.daemon import Daemon
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.identity import Identity
    from tests.controlplane.install import Operator

SLACK = 10.0
"""For connecting and listing on a machine where all are busy."""
OPERATOR_RECOVERS = 75.0
"""Seconds for an operator whose watch is silent: kopf finds it after 70."""
LAST = Spec(starts_in=None, lasts=None, mode="Full", path=None, app="orders", suspend=False)


@dataclass
class Outcome:
    """What came of one application."""

    kind: Kind
    requests: int
    failures: list[str]
    judgement: Judgement
    asked: int
    """Lists and watches of its reflectors."""
    allowed: float
    """How many its backoff promises at most, given the troubles that were."""
    converged: float
    """Seconds from the end of all faults until the last write was obeyed."""


@dataclass
class Result:
    """What came of a run."""

    seed: int
    seconds: float
    happened: list[Happened]
    writes: int
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return all(
            not o.judgement.wrong and not o.failures and o.asked <= o.allowed and o.requests > 0
            for o in self.outcomes
        )


def run(
    identity: Identity, operator: Operator, seed: int, seconds: float, manner: Manner
) -> Result:
    """A whole run; the control plane must be the cluster's own. What it did to that is undone."""
    control_plane = identity.cluster.control_plane
    assert control_plane is not None
    daemons: dict[str, Daemon] = {
        "apiserver": control_plane.apiserver,
        "etcd": control_plane.etcd,
        "operator": operator,
    }
    with ExitStack() as stack:
        links = [stack.enter_context(_link(control_plane.port)) for _ in KINDS]
        apps = [
            stack.enter_context(_running(Application(identity, link, kind, manner.pace)))
            for link, kind in zip(links, KINDS, strict=True)
        ]
        api = stack.enter_context(administrator(identity.cluster, timeout=120))
        clock = Clock()
        companies = [make_company(app, clock, seed) for app in apps]
        for client in (client for company in companies for client in company.clients):
            stack.callback(client.http.close)
        stack.callback(clock.over.set)
        faults = Faults(clock, daemons, links)
        writer = Writer(clock, api, path_of(identity.namespace))
        asking = _ask(companies, faults)
        _happen(faults, writer, seed, seconds, manner)
        ended = time.time()
        converged = [_converge(company, writer, manner) for company in companies]
        clock.over.set()
        asking.join(60)
        result = Result(seed, seconds, faults.happened, len(writer.versions))
        for company, lasted in zip(companies, converged, strict=True):
            result.outcomes.append(
                _outcome(company, writer.versions, result.happened, clock, manner, lasted - ended)
            )
        return result


def _ask(companies: Sequence[Company], faults: Faults) -> Crew:
    """Let clients ask, and revive what ends by itself, until the run is over."""
    asking = Crew()
    for company in companies:
        for client in company.clients:
            asking.start(client.ask_on)
    asking.start(faults.revive)
    return asking


def _happen(faults: Faults, writer: Writer, seed: int, seconds: float, manner: Manner) -> None:
    """All that is drawn, and then a last window for everybody."""
    drawn = draw_faults(seed, seconds, manner)
    servers = [fault for fault in drawn if fault.subject in ("apiserver", "etcd")]
    others = [fault for fault in drawn if fault not in servers]
    acting = Crew()
    acting.start(faults.perform, servers)
    acting.start(faults.perform, others)
    acting.start(writer.perform, draw_writes(seed, seconds))
    try:
        acting.join(seconds + 120)
    except AssertionError as error:
        raise AssertionError(f"{error}; the last write: {writer.last}") from error
    for name in NAMES:
        writer.write(Write(0, name, LAST if name == NAMES[0] else None))


def _converge(company: Company, writer: Writer, manner: Manner) -> float:
    """When it obeyed the last window, for everything."""
    number = next(v.number for v in reversed(writer.versions) if not v.deleted)

    def obeys() -> bool:
        latest = [client.answers[-1] for client in company.clients]
        return all(answer.number == number for answer in latest)

    # On a busy machine faults come late, and the last of them may just be over.
    limit = recovery(company.app.kind, "operator", "vanish", manner.pace) + manner.by_operator
    wait_for(obeys, limit, f"{company.app.kind.name} to obey the last write")
    return time.time()


def _outcome(
    company: Company,
    versions: Sequence[Version],
    happened: Sequence[Happened],
    clock: Clock,
    manner: Manner,
    converged: float,
) -> Outcome:
    kind = company.app.kind
    troubles = [
        Trouble(each.began, each.ended + recovery(kind, each.subject, each.kind, manner.pace))
        for each in happened
        if kind.planned or each.subject != "operator"
    ]
    answers = [answer for client in company.clients for answer in list(client.answers)]
    propagation = manner.by_operator if kind.planned else manner.arrival
    oracle = Oracle(versions, troubles, propagation, ordered=not kind.planned)
    return Outcome(
        kind,
        requests=len(answers),
        failures=[failure for client in company.clients for failure in client.failures],
        judgement=oracle.judge(answers),
        asked=company.app.output().count(ASKED),
        allowed=kind.watches * _allowed(happened, clock, manner.pace),
        converged=converged,
    )


def recovery(kind: Kind, subject: str, what: str, pace: Pace) -> float:
    """Seconds after a trouble's end until all that was missed must be known.

    One longest delay, one connection that takes its longest, and a list; where a connection went
    silent for ever, the time in which that is seen. An operator has its own ways.
    """
    seconds = pace.longest_delay + pace.connect + SLACK
    if what == "vanish":
        seconds += pace.idle[1]
    if subject == "link" or not kind.planned:
        return seconds
    return seconds + OPERATOR_RECOVERS


def _allowed(happened: Sequence[Happened], clock: Clock, pace: Pace) -> float:
    """Lists and watches of one reflector, at most.

    Two for each try that backoff permits while something is wrong, and for one more that succeeds;
    and a watch now and then while all is well.
    """
    healthy = 2 + (time.time() - clock.began) / pace.watch[0]
    between = [Trouble(each.began, each.ended) for each in happened if each.subject != "operator"]
    lengths = [math.ceil(each.ended - each.began) for each in merged(between)]
    tries = sum(1 + sum(expected_tries(pace, length)) for length in lengths)
    return healthy + 2 * bound([tries], 1)[0]


@contextmanager
def _link(port: int) -> Iterator[Link]:
    link = Link(port)
    link.start()
    try:
        yield link
    finally:
        link.close()


@contextmanager
def _running(app: Application) -> Iterator[Application]:
    app.start()
    try:
        yield app
    finally:
        app.stop()
