"""What a watch of a real API server knows is what there is: nothing missed, nothing left over.

Numbers are those of the behaviours that tests/unit/test_behaviours.py lists.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.cluster.following import (
    BRISK,
    ROLE,
    Following,
    by_kubeconfig,
    create,
    delete,
    meanwhile,
    switch,
)
from tests.cluster.windows import apply_window, get_window

if TYPE_CHECKING:
    from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.kubectl import Kubectl


@pytest.fixture
def account(service_account: ServiceAccounts) -> KubeconfigIdentity:
    """A service account that may follow windows and switch."""
    return by_kubeconfig(service_account("orders", cluster_role=ROLE))


def test_01_between_list_and_watch_nothing_is_missed(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """Each of several watches begins in the midst of windows that come."""
    names = [f"w{number}" for number in range(80)]
    create(kubectl, namespace, "first")
    with ExitStack() as several, meanwhile(lambda: create(kubectl, namespace, *names)):
        followers = [several.enter_context(Following(account)) for _ in range(5)]
        for follower in followers:
            follower.wait_for_names("first", *names)
            assert follower.log.count("list") == 1


def test_02_readers_never_see_half_a_list(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """Neither of the first one nor of a later one."""
    names = [f"w{number}" for number in range(150)]
    create(kubectl, namespace, *names)
    seen: set[int | None] = set()
    over = threading.Event()

    def look(following: Following) -> None:
        while not over.is_set():
            timeline = following.view.timeline
            seen.add(len(timeline.windows) if timeline else None)

    stores = None
    for _ in range(2):
        following = Following(account, stores=stores)
        with meanwhile(lambda following=following: look(following)):  # type: ignore[misc]
            with following:
                following.wait_for_names(*names)
                stores = following.stores
            over.set()
        over.clear()
    assert seen == {None, len(names)}


def test_03_a_list_makes_the_deletes_that_nobody_watched(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """They happened while nobody watched; what is known begins where it ended."""
    create(kubectl, namespace, "gone", "kept")
    with Following(account) as first:
        first.wait_for_names("gone", "kept")
    delete(kubectl, namespace, "gone")
    create(kubectl, namespace, "new")
    with Following(account, stores=first.stores) as second:
        second.wait_for_names("kept", "new")
        verb, version = second.log.asked[0]
        assert verb == "list"
        assert int(str(version)) >= int(str(first.log.asked[1][1]))


def test_14_a_line_may_be_longer_than_128_kib(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """As the switch's is where somebody keeps half a megabyte beside it."""
    with Following(account, source="configmap") as following:
        following.wait_for(lambda: following.health.synced, "the first lists")
        switch(kubectl, namespace, maintenance="on", notes="x" * 500_000)
        following.wait_for(lambda: following.refuses, "the switch")
        assert following.log.failed == []


def test_15_a_bookmark_moves_the_version_and_nothing_else(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """Before a watch ends, the server says how far it has come; another namespace moved it on."""
    create(kubectl, namespace, "here")
    with Following(account, pace=replace(BRISK, watch=(5, 5))) as following:
        following.wait_for_names("here")
        timeline, version = following.view.timeline, following.stores[0].version

        def later_watches() -> list[str | None]:
            return [v for verb, v in following.log.asked if verb == "watch" and v != version]

        create(kubectl, "default", f"elsewhere-{namespace}")
        try:
            following.wait_for(later_watches, "a watch from a later version")
        finally:
            delete(kubectl, "default", f"elsewhere-{namespace}")
        assert following.view.timeline is timeline
        resumed = later_watches()[0]
        assert resumed in following.log.bookmarks
        assert int(str(resumed)) > int(version)


def test_19_when_a_watch_ends_in_time_and_begins_anew_nothing_is_missed(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """Watches of one second, and windows that come and go all the time."""
    batches = [[f"b{batch}-{number}" for number in range(20)] for batch in range(5)]

    def churn() -> None:
        for earlier, later in zip([[], *batches], batches, strict=False):
            create(kubectl, namespace, *later)
            if earlier:
                delete(kubectl, namespace, *earlier[1:])

    with Following(account, pace=replace(BRISK, watch=(1, 1))) as following:
        following.wait_for(lambda: following.health.synced, "the first list")
        with meanwhile(churn):
            pass
        following.wait_for(lambda: following.health.restarts >= 2, "watches to end")
        following.wait_for_names(*batches[-1], *[batch[0] for batch in batches[:-1]])
        assert following.log.count("list") == 1
        assert following.log.failed == []


def test_21_a_window_that_is_deleted_and_created_again_is_another_one(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """By its uid, whether the watch told of both or a list of the outcome."""

    def uid(following: Following) -> str | None:
        timeline = following.view.timeline
        return next((w.uid for w in timeline.windows), None) if timeline else None

    def recreate() -> str:
        kubectl("delete", "mw", "move", "-n", namespace, "--ignore-not-found")
        apply_window(kubectl, "move", namespace, start="2026-01-01T00:00:00Z")
        return str(get_window(kubectl, "move", namespace)["metadata"]["uid"])

    first = recreate()
    with Following(account) as following:
        following.wait_for(lambda: uid(following) == first, "the first")
        second = recreate()
        following.wait_for(lambda: uid(following) == second, "the second, watched")
    third = recreate()
    with Following(account, stores=following.stores) as after:
        after.wait_for(lambda: uid(after) == third, "the third, listed")
    assert len({first, second, third}) == 3


def test_22_a_malformed_object_keeps_its_last_good_state_and_counts(
    account: KubeconfigIdentity, kubectl: Kubectl, namespace: str
) -> None:
    """A word in the switch that means nothing; and once it is mended, all is well."""

    def say(word: str) -> None:
        switch(kubectl, namespace, maintenance=word)

    with Following(account, source="configmap") as following:
        say("on")
        following.wait_for(lambda: following.refuses, "the switch to be on")
        say("perhaps")
        following.wait_for(lambda: following.view.rejected == 1, "the word to be refused")
        assert following.refuses
        say("off")
        following.wait_for(lambda: not following.refuses, "the switch to be off")
        assert following.view.rejected == 0
