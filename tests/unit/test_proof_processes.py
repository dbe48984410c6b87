"""How the operator reads processes, and what proves that one has ended."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.proof.processes import news_of, read_process
from fastapi_maintenance_operator.processes_gone import why_gone
from tests.unit.making import at
from tests.unit.proving import flights, process, proof_of, report, stored_process

HEARD = "2026-06-01T12:10:00.5Z"
BEFORE, SAME, AFTER = "2026-06-01T12:09:59Z", "2026-06-01T12:10:00Z", "2026-06-01T12:10:01Z"


def test_what_a_process_writes_is_what_the_operator_reads() -> None:
    """The object is made by the application's own code."""
    read = process("orders-1", report(**flights("2026-06-01T12:05Z")), container="web")
    word = read.words["uid-of-w"]
    assert (read.called, read.app, read.pod and read.pod.container) == ("orders-1", "orders", "web")
    assert (word.generation, word.reason, word.in_flight) == (1, None, 1)
    assert (word.occurrence, word.until) == (at("2026-06-01T12:00Z"), at("2026-06-01T13:00Z"))
    assert word.oldest is not None
    assert (word.oldest.route, word.oldest.since) == ("/export/{id}", at("2026-06-01T12:05Z"))


@pytest.mark.parametrize("field", ["occurrence", "until"])
def test_a_word_with_a_time_that_is_not_understood_is_no_word(field: str) -> None:
    """An until that is left out would be one without an end."""
    item = stored_process("orders-1", report())
    item["spec"]["windows"][0][field] = "2026-06-01T12:00:00.1234567891Zulu"
    assert read_process(item).words == {}


def test_a_process_that_never_wrote_a_time_is_silent() -> None:
    item = stored_process("orders-1", report())
    item["spec"]["renewTime"] = "soon"
    assert read_process(item).is_silent(at("2026-06-01T12:10Z"))


FARTHEST = [
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
]
"""As far as the API server lets times be; behind them, Python knows none."""


@pytest.mark.parametrize("when", FARTHEST)
def test_the_farthest_times_can_be_reckoned_with(when: str) -> None:
    """One process must not keep the operator from all others."""
    item = stored_process("orders-1", report())
    item["spec"]["renewTime"] = item["spec"]["windows"][0]["until"] = when
    proof = proof_of(read_process(item))
    assert proof.enforced.status is not True
    assert proof.look_again is not None


@pytest.mark.parametrize("name", ["../secrets/x", "?watch=1", "a/log", "A", ""])
def test_a_name_that_no_pod_has_is_none(name: str) -> None:
    """It would be another path of the API server, which the operator must not ask for."""
    item = stored_process("orders-1")
    item["spec"]["pod"]["name"] = name
    assert read_process(item).pod is None


def test_a_heartbeat_is_no_news_and_a_word_is() -> None:
    first = process("orders-1", report(in_flight=2), heard="2026-06-01T12:10Z")
    beat = process("orders-1", report(in_flight=1), heard="2026-06-01T12:11Z")
    assert news_of(first) == news_of(beat)
    for said in (report(), report(generation=2), report(reason="MaintenanceModeOff")):
        assert news_of(process("orders-1", said)) != news_of(first)


def pod(*containers: dict[str, Any], uid: str = "uid-of-orders-1") -> dict[str, Any]:
    """A Pod with the statuses of its containers."""
    return {"metadata": {"uid": uid}, "status": {"containerStatuses": list(containers)}}


def running(since: str, name: str = "web") -> dict[str, Any]:
    return {"name": name, "state": {"running": {"startedAt": since}}}


def terminated(finished: str | None, name: str = "web") -> dict[str, Any]:
    times = {"finishedAt": finished} if finished else {}
    return {"name": name, "state": {"terminated": {"exitCode": 137, **times}}}


def waiting(finished: str | None, name: str = "web") -> dict[str, Any]:
    last = {"terminated": {"exitCode": 1, "finishedAt": finished}} if finished else {}
    return {
        "name": name,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": last,
    }


@pytest.mark.parametrize(
    ("found", "gone"),
    [
        (None, True),
        (pod(running(BEFORE), uid="another"), True),
        (pod(running(BEFORE)), False),
        (pod(running(SAME)), False),
        (pod(running(AFTER)), True),
        (pod(terminated(AFTER)), True),
        (pod(terminated(SAME)), True),
        (pod(terminated(None)), True),
        (pod(terminated(BEFORE)), False),
        (pod(waiting(AFTER)), True),
        (pod(waiting(BEFORE)), False),
        (pod(waiting(None)), False),
        (pod(), False),
        (pod(terminated(AFTER), running(BEFORE, "sidecar")), True),
        (pod(running(BEFORE), terminated(AFTER, "sidecar")), False),
        ({"metadata": {"uid": "uid-of-orders-1"}, "status": {"phase": "Failed"}}, False),
    ],
    ids=[
        "no Pod", "another Pod", "runs", "started in that second", "started again", "ended",
        "ended in that second", "ended at no known time", "an older life ended", "waits to start",
        "an older life waited", "never started", "nothing known", "a sidecar runs",
        "a sidecar ended", "a phase alone",
    ],
)  # fmt: skip
def test_only_the_kubelets_word_proves_that_a_process_has_ended(
    found: dict[str, Any] | None, gone: bool
) -> None:
    """R7."""
    assert (why_gone(process("orders-1", heard=HEARD, container="web"), found) is not None) == gone


def test_a_process_that_does_not_know_its_container_may_be_in_any() -> None:
    nameless = process("orders-1", heard=HEARD)
    assert why_gone(nameless, pod(terminated(AFTER), running(BEFORE, "sidecar"))) is None
    assert why_gone(nameless, pod(terminated(AFTER), running(AFTER, "sidecar"))) is not None


def test_without_a_pod_nothing_is_proven() -> None:
    """Only a person removes it then."""
    assert why_gone(process(None, name="mp-1", heard=HEARD), None) is None
