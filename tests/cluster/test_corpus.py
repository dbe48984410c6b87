"""The API server accepts a manifest exactly when applications understand it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fastapi_maintenance.windows import (
    API_VERSION,
    PLURAL,
    Window,
    load_documents,
    parse_manifest,
)
from tests.controlplane.kubectl import find_kubectl
from tests.corpus import Case, cases, edges
from tests.leash import Leashed
from tests.unit.test_corpus import outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.target import Cluster

COUNT = int(os.environ.get("CORPUS", "3000"))
AT_ONCE = 4
PATH = f"/apis/{API_VERSION}/namespaces/default/{PLURAL}?dryRun=All&fieldValidation=Strict"

HIGH, LOW = r"\\u[dD][89abAB]..", r"\\u[dD][c-fC-F].."
HALF = re.compile(f"{HIGH}(?!{LOW})|(?<!{HIGH}){LOW}")


class Verdict(NamedTuple):
    """What both say of a manifest; an empty text is yes."""

    case: Case
    ours: str
    theirs: str


@dataclass
class Tally:
    """What came of a share of the cases; of most, only their number is kept."""

    asked: int = 0
    accepted: int = 0
    differing: list[Verdict] = field(default_factory=list)
    altered: list[Case] = field(default_factory=list)
    """What is stored means something else than what was written."""


EXCUSED: dict[str, Callable[[Verdict], object]] = {
    "the API server stores U+FFFD in place of half a surrogate pair; JSON files can't hold one": (
        lambda v: not v.theirs and HALF.search(v.case.text)
    ),
    "Go's YAML library drops what follows the first document; for us that is no YAML": (
        lambda v: not v.theirs and "expected <document start>" in v.ours
    ),
    "a tag of somebody's own means nothing to Go's YAML library; for us it is a slip": (
        lambda v: not v.theirs and "is not known here: leave it out" in v.ours
    ),
    "the API server refuses YAML in which << gives what is given elsewhere; kubectl, which sends "
    "JSON, takes what is written below it": (
        lambda v: not v.ours and "<<" in v.case.text and "already set in map" in v.theirs
    ),
    "metadata is Kubernetes' own; a field that it grows must not make windows invalid": (
        lambda v: not v.ours and 'unknown field "metadata.' in v.theirs
    ),
    "zones come and go: each side has its own release of the zone database": (
        lambda v: "is not a time zone known here" in v.ours or "unknown time zone" in v.theirs
    ),
}
"""Where they may differ, and why."""


@pytest.fixture
def port(cluster: Cluster, tmp_path: Path) -> Iterator[int]:
    """A port where kubectl passes requests on, with an administrator's rights."""
    command, env = [find_kubectl(), "proxy", "--port=0"], {"KUBECONFIG": str(cluster.kubeconfig)}
    with Leashed(command, log=tmp_path / "proxy.log", env=os.environ | env) as proxy:
        said = proxy.wait_for(lambda: re.search(r":(\d+)\n", proxy.output()), what="its port")
        assert said is not None
        yield int(said[1])


def judge(port: int, share: Iterator[Case]) -> Tally:
    """Ask for some of the cases over one connection."""
    tally = Tally()
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        for case in share:
            ours, (theirs, stored) = outcome(case), asked(connection, case)
            tally.asked += 1
            if bool(ours) != bool(theirs):
                tally.differing.append(Verdict(case, ours, theirs))
            elif stored:
                tally.accepted += 1
                if replace(parse_manifest(stored), uid="", generation=0) != window(case):
                    tally.altered.append(case)
        return tally
    finally:
        connection.close()


def asked(connection: HTTPConnection, case: Case) -> tuple[str, dict[str, Any]]:
    """What the API server says, without storing anything."""
    kind = "application/json" if case.is_json else "application/yaml"
    body = case.text.encode("utf-8", "surrogatepass")
    connection.request("POST", PATH, body, {"Content-Type": kind, "Accept": "application/json"})
    answer = connection.getresponse()
    found: dict[str, Any] = json.loads(answer.read())
    assert answer.status in (201, 400, 422), (answer.status, found, case)
    return ("", found) if answer.status == 201 else (str(found["message"]), {})


def judged(port: int, given: Callable[[], Iterator[Case]]) -> list[Tally]:
    """All cases, asked over a few connections at once."""
    shares = [islice(given(), number, None, AT_ONCE) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda share: judge(port, share), shares))


def excuse(verdict: Verdict) -> str:
    """Why they may differ here; empty where they may not."""
    return next((why for why, applies in EXCUSED.items() if applies(verdict)), "")


def window(case: Case) -> Window:
    """What an application makes of a valid case."""
    (document,) = [json.loads(case.text)] if case.is_json else load_documents(case.text)
    return parse_manifest(document)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("given", [edges, lambda: cases(COUNT)], ids=["edges", "random"])
def test_the_api_server_and_the_applications_agree(
    port: int, given: Callable[[], Iterator[Case]]
) -> None:
    """On every manifest, but for what `EXCUSED` says; what is stored means what was written."""
    tallies = judged(port, given)
    accepted = sum(tally.accepted for tally in tallies)
    differing = [verdict for tally in tallies for verdict in tally.differing]
    print(f"{sum(tally.asked for tally in tallies)} manifests, {accepted} accepted by both;")
    print("they differ on:", Counter(map(excuse, differing)))
    assert [verdict for verdict in differing if not excuse(verdict)] == []
    assert [case for tally in tallies for case in tally.altered] == []
    assert accepted > 400
