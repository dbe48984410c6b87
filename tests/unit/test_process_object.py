"""The object by which a process says what it enforces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from fastapi_maintenance.backends.kubernetes.process import (
    MOST_WINDOWS,
    Life,
    Pod,
    Report,
    Self,
    WindowReport,
    life_of,
    new_object,
    spec_of,
    worst_first,
)
from fastapi_maintenance.backends.ledger import Flight
from tests.chart import ROOT
from tests.unit.making import at

NOW = at("2026-06-01T12:00Z")
SOME = tuple(
    Flight(NOW.timestamp() - age, "POST", f"/{age}/{'x' * 300}") for age in (9, 8, 7, 6, 5, 4)
)
WINDOW = WindowReport(
    "u", "move", 3, "1:ab", at("2026-06-01T11:00Z"), at("2026-06-01T13:00Z"), None, 6, SOME
)
WHO = Self("orders", Pod("orders-1", "p", "web", "bank"), Life(7, 4711, "pid:[1]"))


def crd() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "crds/maintenanceprocesses.yaml").read_text())
    return found


def schema_of(path: str) -> dict[str, Any]:
    """The schema at a path such as ``windows.oldest`` below spec, items of lists looked through."""
    found = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for name in filter(None, path.split(".")):
        found = found["properties"][name]
        found = found.get("items", found)
    return dict(found)


def test_an_object_says_who_it_is_and_what_it_enforces() -> None:
    made = new_object("mp-1", WHO, Report((WINDOW,)), NOW)
    spec = made["spec"]
    (window,) = spec.pop("windows")
    assert spec == {
        "app": "orders",
        "pod": {"name": "orders-1", "uid": "p", "container": "web", "namespace": "bank"},
        "process": {"pid": 7, "startTicks": 4711, "namespace": "pid:[1]"},
        "renewTime": "2026-06-01T12:00:00.000000Z",
        "heartbeatSeconds": 10,
        "stopping": False,
    }
    assert window["occurrence"] == "2026-06-01T11:00:00.000000Z"
    assert (window["enforcing"], window["inFlight"], len(window["oldest"])) == (True, 6, 5)
    assert window["oldest"][0]["since"] == "2026-06-01T11:59:51.000000Z"


def test_an_object_has_no_field_that_the_crd_lacks_and_keeps_to_its_bounds() -> None:
    """The API server would drop the one without a word, and refuse the other."""
    spec = new_object("mp-1", WHO, Report((replace(WINDOW, reason="Why"),)), NOW)["spec"]
    places = {"": spec, "pod": spec["pod"], "process": spec["process"]}
    places |= {"windows": spec["windows"][0], "windows.oldest": spec["windows"][0]["oldest"][0]}
    for path, given in places.items():
        properties = schema_of(path)["properties"]
        assert given.keys() == properties.keys(), path
        for name, value in given.items():
            limit = properties[name].get("maxLength", properties[name].get("maxItems"))
            assert limit is None or len(value) <= limit, name


def test_what_is_not_known_is_left_out() -> None:
    spec = new_object("mp-1", Self(None), Report((WindowReport("u", "w", 1, reason="No"),)), NOW)
    assert spec["spec"].keys() == {"renewTime", "heartbeatSeconds", "stopping", "windows"}
    (window,) = spec["spec"]["windows"]
    assert window.keys() == {"uid", "name", "generation", "enforcing", "inFlight", "reason"}


def test_a_patch_leaves_alone_who_it_is() -> None:
    assert spec_of(Report(), NOW).keys() == {
        "renewTime", "heartbeatSeconds", "stopping", "windows",
    }  # fmt: skip


def test_who_another_object_is_about_is_read_back() -> None:
    assert life_of(new_object("mp-1", WHO, Report(), NOW)) == ("p", WHO.life)
    assert life_of({"spec": {}}) == (None, None)


def test_the_window_that_is_furthest_from_drained_comes_first() -> None:
    """One column of `kubectl get` shows one value of a list: the first."""
    drained, busy = replace(WINDOW, name="a", in_flight=0), replace(WINDOW, name="b")
    lapsed = replace(drained, name="c", reason="MaintenanceModeOff")
    assert [w.name for w in worst_first([drained, busy, lapsed])] == ["c", "b", "a"]


def test_an_object_holds_no_more_windows_than_it_may() -> None:
    windows = [replace(WINDOW, uid=str(i)) for i in range(MOST_WINDOWS + 1)]
    assert (
        len(worst_first(windows))
        == MOST_WINDOWS
        == schema_of("")["properties"]["windows"]["maxItems"]
    )


def test_it_beats_every_ten_seconds_until_nothing_waits_for_it_and_then_every_minute() -> None:
    drained = replace(WINDOW, in_flight=0, oldest=())
    reports = {
        "nothing open": Report(),
        "drained": Report((drained,)),
        "in flight": Report((drained, WINDOW)),
        "not enforcing": Report((replace(drained, reason="MaintenanceModeOff"),)),
        "stopping": Report(stopping=True),
    }
    assert {fact: report.heartbeat_seconds for fact, report in reports.items()} == {
        "nothing open": 60,
        "drained": 60,
        "in flight": 10,
        "not enforcing": 10,
        "stopping": 10,
    }


def test_what_others_rely_on_is_told_at_once_and_the_rest_with_the_next_heartbeat() -> None:
    """The last request that ends, another scope, a later end; not one request fewer."""
    told = Report((WINDOW,))

    def says_more(*windows: WindowReport, stopping: bool = False) -> bool:
        return Report(windows, stopping).says_more_than(told, NOW)

    assert not says_more(WINDOW)
    assert not says_more(replace(WINDOW, in_flight=1, oldest=SOME[:1]))
    assert says_more(replace(WINDOW, in_flight=0, oldest=()))
    assert says_more(replace(WINDOW, scope="1:cd"))
    assert says_more(replace(WINDOW, generation=4))
    assert says_more(replace(WINDOW, until=None))
    assert says_more(replace(WINDOW, reason="MaintenanceModeOff"))
    assert says_more(WINDOW, replace(WINDOW, uid="v"))
    assert says_more(WINDOW, stopping=True)
    assert says_more()


def test_an_occurrence_that_came_to_its_end_needs_no_report_of_its_own() -> None:
    """Its end stands in the last report; one that ended otherwise is taken back at once."""
    told = Report((WINDOW,))
    assert WINDOW.until is not None
    assert not Report().says_more_than(told, WINDOW.until)
    assert Report().says_more_than(told, NOW)
