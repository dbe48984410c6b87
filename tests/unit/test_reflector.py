"""List, then watch: a store stays equal to what the API server holds, whatever happens."""

from __future__ import annotations

import contextlib
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes import reflector
from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.reflector import Reflector
from fastapi_maintenance.backends.kubernetes.sources import PlanStore
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Silence, Unreachable
from fastapi_maintenance.windows import make_plan
from tests.unit.making import at, fixed, window
from tests.unit.scripted import (
    Ear,
    Over,
    Play,
    ScriptedTransport,
    added,
    bookmark,
    deleted,
    error,
    item,
    listed,
)

pytestmark = pytest.mark.anyio

AWAY = Unreachable("connection refused")
NOW = at("2026-01-01T00:00Z")
SPREAD = Pace().spread


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Delays, which are noted and not waited for; of a jitter the longest."""
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    jitter = SimpleNamespace(uniform=lambda low, high: high, randint=lambda low, high: low)
    monkeypatch.setattr(reflector, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(reflector, "random", jitter)
    return delays


async def test_it_lists_and_watches_from_the_version_of_the_list() -> None:
    play = await Play(listed(5, item("a", 3)), [added("b", 6), added("a", 7)]).run()
    assert play.requests == [("list", "0"), ("watch", "5")]
    assert play.store.known == {"a": "7", "b": "6"}
    assert play.ear.heard == ["healthy", "restarted"]


async def test_the_first_list_may_come_from_a_cache_and_a_watch_asks_for_bookmarks() -> None:
    play = await Play(listed(5), [], selector="metadata.name=x").run()
    assert play.transport.params == [
        {"fieldSelector": "metadata.name=x", "resourceVersion": "0"},
        {
            "fieldSelector": "metadata.name=x",
            "resourceVersion": "5",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "300",
        },
    ]


async def test_a_watch_that_ends_goes_on_where_it_was_without_a_list() -> None:
    play = await Play(listed(5), [added("a", 6)], [deleted("a", 7)], [added("b", 8)]).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("watch", "6"), ("watch", "7")]
    assert play.store.known == {"b": "8"}
    assert play.store.replaced == 1


async def test_a_bookmark_moves_the_version_and_nothing_else() -> None:
    play = await Play(listed(5, item("a", 3)), [bookmark(90)], [added("b", 91)]).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("watch", "90")]
    assert play.store.known == {"a": "3", "b": "91"}


async def test_an_empty_list_is_a_list() -> None:
    play = await Play({"items": None, "metadata": {"resourceVersion": "5"}}, []).run()
    assert play.requests == [("list", "0"), ("watch", "5")]
    assert play.store.replaced == 1


@pytest.mark.parametrize(
    "gone",
    [[added("b", 6), error(410, "too old")], ApiError(410, "too old")],
    ids=["event", "http"],
)
async def test_a_version_that_is_gone_is_listed_anew_at_no_older_one(gone: object) -> None:
    """Which a cache can answer: watches tend to expire together."""
    play = await Play(listed(5, item("a", 3)), gone, listed(9, item("c", 8)), []).run()
    known = "6" if isinstance(gone, list) else "5"
    assert play.requests == [("list", "0"), ("watch", "5"), ("list", known), ("watch", "9")]
    assert play.store.known == {"c": "8"}


async def test_a_version_that_is_gone_is_no_failure_and_does_not_wait_for_one(
    slept: list[float],
) -> None:
    """Each server that was started again begins so: after an outage all are waiting for it."""
    gone = [error(410)]
    play = await Play(listed(5), AWAY, AWAY, AWAY, gone, listed(9), gone, listed(9), []).run()
    assert slept[:5] == [0.8, 1.6, 3.2, SPREAD, 6.4]
    assert [heard for heard in play.ear.heard if "410" in heard] == ["failed: 410: no"]


async def test_a_list_whose_version_is_gone_is_asked_for_consistently() -> None:
    gone = ApiError(410, "too old")
    play = await Play(listed(5), gone, gone, listed(9), []).run()
    assert [version for _, version in play.requests] == ["0", "5", "5", None, "9"]


async def test_what_was_heard_since_makes_a_410_a_first_one_again() -> None:
    gone = [error(410)]
    play = await Play(listed(5), gone, listed(9), [added("a", 10), *gone], listed(12), []).run()
    assert [version for _, version in play.requests] == ["0", "5", "5", "9", "10", "12"]


async def test_a_version_that_the_server_does_not_have_yet_is_asked_for_no_more() -> None:
    """After a restore of the server's store the version known may lie in its future."""
    play = await Play(listed(5), ApiError(504, "Too large resource version"), listed(3), []).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("list", None), ("watch", "3")]


@pytest.mark.parametrize("failure", [AWAY, ApiError(429, "slow down")], ids=repr)
@pytest.mark.parametrize("before", [[], [added("a", 6)]], ids=["at once", "after an event"])
async def test_a_server_that_is_away_is_watched_on_without_a_list(
    failure: Exception, before: list[object]
) -> None:
    """Nothing was missed: a list of each process would meet a server that just comes back."""
    play = await Play(listed(5), [*before, failure], [added("b", 7)]).run()
    version = "6" if before else "5"
    assert play.requests == [("list", "0"), ("watch", "5"), ("watch", version)]
    assert play.store.replaced == 1
    assert "b" in play.store.known


@pytest.mark.parametrize("told", [[], [bookmark(6)], [added("a", 6)]], ids=str)
async def test_after_a_watch_that_never_said_anything_everything_is_listed(
    told: list[object],
) -> None:
    """A server whose store was restored is silent until it comes to that version again."""
    play = await Play(
        listed(5), [*told, Silence("nothing came")], listed(7) if not told else []
    ).run()
    assert play.requests[2:3] == [("watch", "6") if told else ("list", "5")]


@pytest.mark.parametrize("status", [500, 401, 403, 404])
async def test_after_another_failure_of_a_watch_everything_is_listed(status: int) -> None:
    play = await Play(listed(5), ApiError(status, "no"), listed(9), []).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("list", "5"), ("watch", "9")]


async def test_a_list_that_fails_is_tried_again() -> None:
    play = await Play(AWAY, ApiError(429, "later"), ApiError(500, "no"), listed(5), []).run()
    assert [verb for verb, _ in play.requests] == ["list", "list", "list", "list", "watch"]
    assert play.ear.heard == [
        "failed: connection refused",
        "failed: 429: later",
        "failed: 500: no",
        "healthy",
        "restarted",
    ]


async def test_while_the_server_is_away_the_store_keeps_what_it_knows() -> None:
    play = await Play(listed(5, item("a", 3)), AWAY, AWAY, ApiError(500, "no"), AWAY).run()
    assert play.store.known == {"a": "3"}


async def test_each_failure_waits_longer(slept: list[float]) -> None:
    await Play(*[AWAY] * 8).run()
    assert slept == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


async def test_a_retry_after_of_the_server_is_honoured(slept: list[float]) -> None:
    await Play(ApiError(429, "later", retry_after=7.0), AWAY).run()
    assert slept == [7.8, 1.6]


async def test_a_retry_after_that_is_absurd_is_not(slept: list[float]) -> None:
    await Play(ApiError(429, "later", retry_after=86400.0), AWAY).run()
    assert slept == [60.8, 1.6]


async def test_watches_that_end_at_once_and_empty_do_not_loop_hot(slept: list[float]) -> None:
    play = await Play(listed(5), [], [], [added("a", 6)], []).run()
    assert slept == [0.8, 1.6, SPREAD, 3.2]
    assert play.ear.heard.count("restarted") == 4


@pytest.mark.parametrize(
    "answer", [{"kind": "List", "items": []}, {"type": "NEW"}, bookmark(5)], ids=str
)
async def test_watches_that_end_at_once_and_bring_nothing_new_do_not_loop_hot(
    slept: list[float], answer: dict[str, object]
) -> None:
    """As with a proxy that does not know ``watch=true`` and answers with a list."""
    await Play(listed(5), [answer], [answer], [added("a", 6)]).run()
    assert slept == [0.8, 1.6, SPREAD]


async def test_a_watch_that_was_open_for_long_is_opened_again_at_once(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing to tell in the five minutes that were asked for, it is as it should be."""
    clock = iter(range(0, 30_000, 300))
    monkeypatch.setattr(reflector, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    await Play(listed(5), [], [], []).run()
    assert slept == []


async def test_a_watch_that_ended_before_its_time_is_opened_again_after_a_moment(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that goes down ends the watches of all processes in one instant."""
    clock = iter(range(0, 30_000, 200))
    monkeypatch.setattr(reflector, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    await Play(listed(5), [], []).run()
    assert slept == [SPREAD, SPREAD]


async def test_events_that_came_together_count_together() -> None:
    play = await Play(listed(5), [[added("a", 6), added("b", 7)], added("c", 8)]).run()
    assert [sorted(known) for known in play.store.settled] == [[], ["a", "b"], ["a", "b", "c"]]


async def test_what_came_before_an_error_counts() -> None:
    play = await Play(listed(5), [[added("a", 6), error(500)]]).run()
    assert play.store.settled[-1] == {"a": "6"}


async def test_an_event_that_is_older_than_what_is_known_is_not_taken() -> None:
    """As from a server that lags behind, or whose store was restored: a consistent list says."""
    play = await Play(listed(5, item("a", 5)), [added("a", 4)], listed(3, item("b", 3)), []).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("list", None), ("watch", "3")]
    assert play.store.settled == [{"a": "5"}, {"a": "5"}, {"b": "3"}]


async def test_one_that_begins_anew_with_a_store_begins_where_that_is() -> None:
    """As after closing, and in a child after a fork: what the process knew is no longer news."""
    play = Play(listed(9), [])
    play.store.version = "7"
    await play.run()
    assert play.requests == [("list", "7"), ("watch", "9")]


async def test_a_remembered_version_that_is_gone_is_asked_for_once() -> None:
    """As after an hour without anybody who watched."""
    play = Play(ApiError(410, "too old"), listed(9), [])
    play.store.version = "7"
    await play.run()
    assert play.requests == [("list", "7"), ("list", None), ("watch", "9")]


PLANS = {
    name: make_plan([window(fixed(("2026-01-01T00:00Z", None)), name=name)], NOW)[0]
    for name in ("older", "newer")
}


def planned(name: str, version: int, uid: str = "first") -> dict[str, Any]:
    """The ConfigMap of the plan with this one window."""
    metadata = {"name": "fastapi-maintenance-plan", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, "data": {"windows.json": PLANS[name]}}


@pytest.mark.parametrize(
    "told",
    [
        [[{"type": "MODIFIED", "object": planned("older", 6)}]],
        [[error(500)], listed(6, planned("older", 6))],
    ],
    ids=["in a watch", "in a list"],
)
async def test_an_older_plan_is_ignored(told: list[object]) -> None:
    transport = ScriptedTransport([listed(7, planned("newer", 7)), *told])
    store = PlanStore()
    with contextlib.suppress(Over):
        await Reflector(transport, PlanStore.resource("shop"), store, Ear()).run()
    assert [known.name for known in store.windows] == ["newer"]


async def test_a_plan_that_was_made_anew_is_no_older_one() -> None:
    """Another uid, and a later version: whatever it says, it is the plan."""
    again = {"type": "ADDED", "object": planned("older", 9, "second")}
    transport = ScriptedTransport([listed(7, planned("newer", 7)), [again]])
    store = PlanStore()
    with contextlib.suppress(Over):
        await Reflector(transport, PlanStore.resource("shop"), store, Ear()).run()
    assert [known.name for known in store.windows] == ["older"]


async def test_each_watch_is_closed_before_the_next_is_opened() -> None:
    """Also one that told of an error: else its connection stays open for as long as it likes."""
    play = Play(listed(5), [error(500), added("a", 6)], listed(6), [])
    await play.run()
    assert play.transport.open == 0
    assert play.transport.most_open == 1


async def test_a_relist_forgets_what_went_meanwhile() -> None:
    first = listed(5, item("a", 3), item("b", 4))
    play = await Play(first, [error(410)], listed(9, item("b", 8)), []).run()
    assert play.store.known == {"b": "8"}


async def test_an_exception_that_nobody_foresaw_is_logged_and_everything_listed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    play = Play(listed(5, item("a", 3)), [added("x", 6)], listed(6, item("x", 6)), [])
    play.store.hostile = {"x"}
    await play.run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("list", "5"), ("watch", "6")]
    assert play.store.known == {"x": "6"}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


@pytest.mark.parametrize("answer", [{}, {"items": [], "metadata": {}}, {"metadata": None}], ids=str)
async def test_an_answer_of_something_else_than_an_api_server_changes_nothing(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy may answer 200 and JSON as well."""
    play = await Play(listed(5, item("a", 3)), [error(410)], answer).run()
    assert play.store.known == {"a": "3"}
    assert "an event could not be taken" in caplog.text


async def test_unknown_kinds_of_events_are_passed_over() -> None:
    """A later API server may have more of them; the version stays."""
    unknown = {"type": "SOMETHING", "object": item("x", 9)}
    play = await Play(listed(5), [unknown, {"type": None}, {}], [added("a", 6)]).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("watch", "5")]
    assert play.store.known == {"a": "6"}
    assert play.store.replaced == 1


@pytest.mark.parametrize("status", [{}, {"code": None, "message": None}, {"code": 503}])
async def test_an_error_event_without_details_is_an_error(status: dict[str, object]) -> None:
    play = await Play(listed(5), [{"type": "ERROR", "object": status}], listed(7), []).run()
    assert play.requests == [("list", "0"), ("watch", "5"), ("list", "5"), ("watch", "7")]


async def test_a_list_is_no_sign_of_health_while_the_watch_is_refused() -> None:
    """Else a right that is missing for the watch alone would be logged again with each try."""
    refused = ApiError(403, "no")
    play = await Play(listed(5), refused, listed(6), refused, listed(7), []).run()
    assert play.ear.heard == [
        "healthy",
        "failed: 403: no",
        "failed: 403: no",
        "healthy",
        "restarted",
    ]


async def test_a_watch_that_is_open_is_a_sign_of_health_before_its_first_event() -> None:
    play = await Play(listed(5), AWAY, []).run()
    assert play.ear.heard == ["healthy", "failed: connection refused", "healthy", "restarted"]
