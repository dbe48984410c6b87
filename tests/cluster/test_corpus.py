"""The API server accepts a manifest exactly when applications understand it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
from tests.unit.test_corpus import outcome

if TYPE_CHECKING:
    from tests.controlplane.target import Cluster

COUNT = int(os.environ.get("CORPUS", "3000"))
AT_ONCE = 4
PATH = f"/apis/{API_VERSION}/namespaces/default/{PLURAL}?dryRun=All&fieldValidation=Strict"


class Verdict(NamedTuple):
    """What both say of a manifest; an empty text is yes."""

    case: Case
    ours: str
    theirs: str
    stored: dict[str, Any]
    """What the API server would have stored."""


EXCUSED: dict[str, Callable[[Verdict], object]] = {
    "the API server stores U+FFFD in place of half a surrogate pair; JSON files can't hold one": (
        lambda v: not v.theirs and re.search(r"\\u[dD][89a-fA-F]", v.case.text)
    ),
    "Go's YAML library drops what follows the first document; for us that is no YAML": (
        lambda v: not v.theirs and "expected <document start>" in v.ours
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
def port(cluster: Cluster) -> Iterator[int]:
    """A port where kubectl passes requests on, with an administrator's rights."""
    proxy = subprocess.Popen(
        [find_kubectl(), "proxy", "--port=0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"KUBECONFIG": str(cluster.kubeconfig)},
    )
    assert proxy.stdout is not None
    try:
        yield int(proxy.stdout.readline().rpartition(":")[2])
    finally:
        proxy.terminate()
        proxy.wait()
        proxy.stdout.close()


def judge(port: int, share: Iterator[Case]) -> list[Verdict]:
    """Ask for some of the cases over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        return [Verdict(case, outcome(case), *asked(connection, case)) for case in share]
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


def verdicts(port: int, given: Callable[[], Iterator[Case]]) -> list[Verdict]:
    """Both sides' words on all cases, asked over a few connections at once."""
    shares = [islice(given(), number, None, AT_ONCE) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        parts = threads.map(lambda share: judge(port, share), shares)
        return [verdict for part in parts for verdict in part]


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
    found = verdicts(port, given)
    differing = [verdict for verdict in found if bool(verdict.ours) != bool(verdict.theirs)]
    accepted = [verdict for verdict in found if not verdict.ours and not verdict.theirs]
    print(f"{len(found)} manifests, {len(accepted)} accepted by both; they differ on:")
    print(Counter(map(excuse, differing)))
    assert [verdict for verdict in differing if not excuse(verdict)] == []
    assert len(accepted) > 500
    for verdict in accepted:
        stored = replace(parse_manifest(verdict.stored), uid="", generation=0)
        assert stored == window(verdict.case), verdict
