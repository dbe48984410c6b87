"""Whatever a manifest holds, it becomes a window or the documented error, and quickly."""

from __future__ import annotations

import gc
import json
import os
import time
from itertools import chain

import pytest

from fastapi_maintenance.windows import InvalidWindow, load_documents, parse_manifest
from tests.corpus import Case, cases, edges

COUNT = int(os.environ.get("CORPUS", "3000"))
MOST_SECONDS = 0.05


def outcome(case: Case) -> str:
    """What an application makes of it: nothing but a window or a reason; no other exception."""
    try:
        documents = [json.loads(case.text)] if case.is_json else load_documents(case.text)
        for document in documents:
            parse_manifest(document)
    except InvalidWindow as error:
        return str(error)
    return ""


def timed(case: Case) -> tuple[str, float]:
    """The outcome, and how long it took."""
    began = time.thread_time()
    said = outcome(case)
    return said, time.thread_time() - began


@pytest.mark.timeout(900)
def test_no_manifest_fails_in_another_way_or_takes_long() -> None:
    """The time is that of the thread, since others share the machine; the best of three.

    What is slow is so each time; a processor that others have emptied of what it knew is not.
    """
    slowest, refused, count = (0.0, -1), 0, 0
    outcome(next(iter(edges())))  # what is imported and made but once is no manifest's time
    gc.collect()
    gc.freeze()  # nor is looking through what other tests have left
    for case in chain(edges(), cases(COUNT)):
        said, seconds = timed(case)
        for _ in range(2):
            seconds = seconds if seconds < MOST_SECONDS else min(seconds, timed(case)[1])
        slowest = max(slowest, (seconds, case.number))
        refused += bool(said)
        count += 1
        assert len(said) < 1000, case
    gc.unfreeze()
    print(f"{count} manifests, {refused} refused, the slowest took {slowest[0] * 1000:.1f} ms")
    assert slowest[0] < MOST_SECONDS, slowest
    assert count * 0.2 < refused < count * 0.95
