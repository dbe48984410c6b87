"""From Kubernetes objects to windows and switches, with the last good ones kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from fastapi_maintenance.backends.kubernetes import sources
from fastapi_maintenance.backends.kubernetes.sources import PlanStore, SwitchStore, WindowStore
from fastapi_maintenance.backends.kubernetes.views import Switch
from fastapi_maintenance.windows import OFF, Mode, State, make_plan, parse_manifest
from tests.unit.making import at, fixed, parsed, stored, window

PLANNED = window(fixed(("2026-01-01T00:00Z", None)), name="planned")
PLAN, _ = make_plan([PLANNED], at("2026-01-01T00:00Z"))


def configmap(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "fastapi-maintenance"}, "data": data}


def names(store: WindowStore | PlanStore) -> list[str]:
    return [known.name for known in store.windows]


def meaning(state: State) -> str:
    if state.reads:
        return "on"
    return "read-only" if state.writes else "off"


# MaintenanceWindows


def test_a_list_is_all_windows_that_there_are() -> None:
    store = WindowStore()
    store.replace([stored("a"), stored("b")])
    store.replace([stored("b"), stored("c")])
    assert names(store) == ["b", "c"]


def test_nobody_sees_half_a_list() -> None:
    """Also where one of its objects is like nothing that an API server gives."""
    store = WindowStore()
    store.replace([stored("a"), stored("b")])
    with pytest.raises(KeyError):
        store.replace([stored("c"), {"metadata": {}}])
    assert names(store) == ["a", "b"]


def test_what_does_not_change_a_window_is_not_worked_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each write of a status is an event for every process."""
    store = WindowStore()
    store.replace([stored("a"), stored("b")])
    before = store.windows
    monkeypatch.setattr(sources, "parse_manifest", mock.Mock(side_effect=AssertionError))
    store.update("MODIFIED", stored("a", 2) | {"status": {"current": {}}})
    store.replace([stored("a", 3), stored("b", 3)])
    assert store.windows == before


def test_one_window_that_changes_is_the_only_one_that_is_worked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = WindowStore()
    store.replace([stored(f"w{number}") for number in range(100)])
    parse = mock.Mock(side_effect=parse_manifest)
    monkeypatch.setattr(sources, "parse_manifest", parse)
    store.update("MODIFIED", stored("w7", 2, suspend=True))
    assert parse.call_count == 1
    assert sum(window.suspend for window in store.windows) == 1


def test_a_recreated_window_is_another_one_even_if_it_says_the_same() -> None:
    store = WindowStore()
    store.replace([stored("a")])
    again = stored("a", 2)
    again["metadata"]["uid"] = "another"
    store.update("DELETED", stored("a", 2))
    store.update("ADDED", again)
    assert [window.uid for window in store.windows] == ["another"]


def test_events_add_change_and_remove_windows() -> None:
    store = WindowStore()
    store.replace([stored("a")])
    store.update("ADDED", stored("b"))
    store.update("MODIFIED", stored("b", suspend=True))
    store.update("DELETED", stored("a"))
    store.update("DELETED", stored("never seen"))
    assert names(store) == ["b"]
    assert store.windows[0].suspend


@pytest.mark.parametrize("kind", [WindowStore, SwitchStore, PlanStore])
def test_a_store_is_synced_by_its_first_list_even_an_empty_one(kind: type[Any]) -> None:
    store = kind()
    assert not store.synced
    store.replace([])
    assert store.synced


@pytest.mark.parametrize("kind", [WindowStore, SwitchStore, PlanStore])
def test_whoever_fills_a_store_anew_has_to_list_first_and_is_told(kind: type[Any]) -> None:
    store, changed = kind(), mock.Mock()
    store.replace([])
    store.begin(changed)
    assert not store.synced
    store.settle()
    changed.assert_called_once_with()


def test_an_object_that_is_malformed_keeps_its_last_good_state_and_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = WindowStore()
    store.replace([stored("a", mode="ReadOnly"), stored("b")])
    for _ in range(2):
        store.update("MODIFIED", stored("a", mode="Sometimes"))
    assert [(w.name, w.mode) for w in store.windows] == [("a", Mode.READ_ONLY), ("b", Mode.FULL)]
    assert list(store.rejected) == ["a"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "a: spec.mode: 'Sometimes' is unknown" in record.getMessage()


def test_a_malformed_object_does_not_keep_the_others_from_being_known() -> None:
    store = WindowStore()
    store.replace([stored("a", apps=[]), stored("b")])
    assert names(store) == ["b"]
    assert list(store.rejected) == ["a"]


@pytest.mark.parametrize("kind", ["windows", "plan"])
def test_an_object_that_nobody_can_read_as_was_foreseen_hides_no_other(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is one object's trouble, not the end of all lists; the log has its trace."""

    def reading(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def read(given: Any) -> Any:
            if "odd" in str(given):
                raise ZeroDivisionError("not foreseen")
            return original(given)

        return read

    for name in ("parse_manifest", "parse_plan"):
        monkeypatch.setattr(sources, name, reading(getattr(sources, name)))
    store: Any = WindowStore() if kind == "windows" else PlanStore()
    good = [stored("good")] if kind == "windows" else [plan(PLAN)]
    store.replace(good)
    store.replace([*good, stored("odd")] if kind == "windows" else [plan("odd")])
    assert names(store) == (["good"] if kind == "windows" else ["planned"])
    assert len(store.rejected) == 1
    assert "ZeroDivisionError: not foreseen" in caplog.text


def test_an_object_that_is_mended_or_deleted_no_longer_counts_as_rejected() -> None:
    store = WindowStore()
    store.replace([stored("a", apps=[]), stored("b", apps=[]), stored("c", apps=[])])
    store.update("MODIFIED", stored("a"))
    store.update("DELETED", stored("b", apps=[]))
    assert list(store.rejected) == ["c"]
    store.replace([stored("a")])
    assert store.rejected == {}


def test_a_malformed_object_that_only_has_the_name_of_a_former_one_inherits_nothing() -> None:
    store = WindowStore()
    store.replace([stored("a")])
    other = stored("a", apps=[])
    other["metadata"]["uid"] = "another"
    store.update("ADDED", other)
    assert names(store) == []
    assert list(store.rejected) == ["a"]


def test_windows_are_understood_as_manifests_are() -> None:
    store = WindowStore()
    store.replace([stored("a", duration="2h")])
    assert store.windows[0].timing == parsed("a", duration="2h").timing


# The switch


def said(*updates: dict[str, str], app: str | None = "orders") -> tuple[Switch, State]:
    """A switch that has read these words, one after the other."""
    switch = Switch(app)
    states = [switch.read(words, "shop") for words in updates]
    return switch, states[-1]


@pytest.mark.parametrize(
    ("everyone", "own", "expected"),
    [
        (None, None, "off"),
        ("off", "off", "off"),
        ("on", None, "on"),
        (None, "on", "on"),
        ("off", "on", "on"),
        ("on", "off", "on"),
        ("read-only", "off", "read-only"),
        ("read-only", "on", "on"),
        ("on", "read-only", "on"),
        ("", "true\n", "on"),
    ],
)
def test_of_the_switch_for_all_and_the_apps_own_the_strictest_wins(
    everyone: str | None, own: str | None, expected: str
) -> None:
    data = {"maintenance": everyone, "maintenance.orders": own, "maintenance.billing": "on"}
    _, state = said({key: word for key, word in data.items() if word is not None})
    assert meaning(state) == expected


def test_an_app_without_a_name_follows_the_switch_for_all_alone() -> None:
    _, state = said({"maintenance.orders": "on", "maintenance": "read-only"}, app=None)
    assert meaning(state) == "read-only"


def test_the_switch_names_its_configmap_and_lets_health_checks_pass() -> None:
    _, state = said({"maintenance": "on"})
    refusal = state.writes
    assert refusal is not None
    assert refusal.opening.source == "configmap=shop/fastapi-maintenance"
    assert refusal.opening.probes_pass


@pytest.mark.parametrize("before", ["on", "off", "read-only"])
def test_garbage_in_the_switch_keeps_its_last_state_and_is_logged_once(
    before: str, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = {"maintenance.orders": "perhaps"}
    switch, state = said({"maintenance.orders": before}, garbage, garbage)
    assert meaning(state) == before
    assert list(switch.rejected) == ["maintenance.orders"]
    assert len(caplog.records) == 1
    assert "'perhaps'" in caplog.text


def test_garbage_of_another_app_is_that_apps_own_trouble(
    caplog: pytest.LogCaptureFixture,
) -> None:
    switch, _ = said({"maintenance.billing": "perhaps"})
    assert (switch.rejected, caplog.records) == ({}, [])


def test_garbage_under_one_key_leaves_the_other_in_force() -> None:
    on = {"maintenance": "perhaps", "maintenance.orders": "on"}
    assert meaning(said(on)[1]) == "on"
    assert meaning(said(on, on | {"maintenance.orders": "off"})[1]) == "off"


@pytest.mark.parametrize("empty", [None, {}])
def test_a_switch_that_says_nothing_is_off(empty: dict[str, str] | None) -> None:
    store = SwitchStore()
    store.replace([configmap(maintenance="on")])
    assert said(dict(store.words))[1] != OFF
    store.update("MODIFIED", {"metadata": {}, "data": empty})
    assert said(dict(store.words))[1] == OFF


def test_a_switch_whose_configmap_is_deleted_says_nothing() -> None:
    store = SwitchStore()
    store.replace([configmap(maintenance="on")])
    store.update("DELETED", configmap(maintenance="on"))
    assert store.words == {}
    store.replace([configmap(maintenance="on")])
    store.replace([])
    assert store.words == {}


# The plan


def plan(text: str | None) -> dict[str, Any]:
    return configmap(**({} if text is None else {"windows.json": text}))


def test_the_windows_of_a_plan_are_known() -> None:
    store = PlanStore()
    store.replace([plan(PLAN)])
    assert names(store) == ["planned"]


@pytest.mark.parametrize("text", [None, "", "{}", "[", '{"apiVersion": "v9"}'])
def test_a_broken_plan_keeps_the_windows_and_counts(
    text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    store = PlanStore()
    store.replace([plan(PLAN)])
    for _ in range(2):
        store.update("MODIFIED", plan(text))
    assert names(store) == ["planned"]
    assert len(store.rejected) == 1
    assert len(caplog.records) == 1
    store.update("MODIFIED", plan(PLAN))
    assert store.rejected == {}


def test_a_plan_that_is_gone_keeps_the_windows_and_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = PlanStore()
    store.replace([plan(PLAN)])
    store.update("DELETED", plan(PLAN))
    assert names(store) == ["planned"]
    assert "the plan fastapi-maintenance-plan is gone; its windows stay known" in caplog.text


def test_a_broken_plan_is_no_answer_to_the_first_list() -> None:
    """Nothing is known yet, and it does not say that there are no windows."""
    store = PlanStore()
    store.replace([plan("{}")])
    assert not store.synced
    store.update("MODIFIED", plan(PLAN))
    assert (store.synced, names(store)) == (True, ["planned"])


def test_a_plan_that_says_the_same_changes_nothing() -> None:
    store = PlanStore()
    store.replace([plan(PLAN)])
    before = store.windows
    store.update("MODIFIED", plan(PLAN))
    assert store.windows is before


def test_a_plan_that_never_was_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    store = PlanStore()
    store.replace([])
    assert (store.windows, store.synced, caplog.records) == ((), True, [])


def test_each_store_says_where_its_objects_are() -> None:
    """A role may be limited to the one ConfigMap by its name."""
    assert WindowStore.resource("shop").path.endswith("/namespaces/shop/maintenancewindows")
    assert SwitchStore.resource("shop").path == "/api/v1/namespaces/shop/configmaps"
    assert SwitchStore.resource("shop").params == {
        "fieldSelector": "metadata.name=fastapi-maintenance"
    }
    assert PlanStore.resource("shop").params == {
        "fieldSelector": "metadata.name=fastapi-maintenance-plan"
    }
