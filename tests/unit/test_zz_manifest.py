"""What a manifest says, and what is said where it is wrong."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance.windows import (
    API_VERSION,
    KIND,
    InvalidWindow,
    Mode,
    Recurring,
    Response,
    Window,
    parse_manifest,
)
from tests.unit.making import fixed, manifest, parsed, stored

NIGHTLY: dict[str, Any] = {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin", "duration": "2h"}


def test_a_start_alone_is_a_window_without_an_end() -> None:
    assert parsed(start="2026-06-01T12:00:00Z").timing == fixed(("2026-06-01T12:00Z", None))


@pytest.mark.parametrize(
    "ending", [{"end": "2026-06-01T14:30:00Z"}, {"duration": "2h30m"}, {"duration": "9000s"}]
)
def test_a_window_ends_at_its_end_or_after_its_duration(ending: dict[str, str]) -> None:
    timing = parsed(start="2026-06-01T12:00:00Z", **ending).timing
    assert timing == fixed(("2026-06-01T12:00Z", "2026-06-01T14:30Z"))


def test_a_time_with_an_offset_or_a_fraction_is_an_instant() -> None:
    timing = parsed(start="2026-06-01T14:00:00+02:00", end="2026-06-01T12:00:00.250Z").timing
    assert timing == fixed(("2026-06-01T12:00Z", "2026-06-01T12:00:00.250Z"))


def test_a_schedule_has_a_time_zone_and_a_duration() -> None:
    assert parsed(**NIGHTLY).timing == Recurring("0 2 * * *", "Europe/Berlin", timedelta(hours=2))


def test_what_is_not_said_has_its_default() -> None:
    window = parsed()
    assert (window.mode, window.suspend, window.response) == (Mode.FULL, False, Response())
    assert window.key == "shop/w"


def test_null_means_that_nothing_is_said() -> None:
    item = manifest(start="2026-06-01T12:00:00Z")
    item["spec"] |= {"end": None, "mode": None, "response": None, "suspend": None}
    assert parse_manifest(item) == parsed(start="2026-06-01T12:00:00Z")


def test_a_response_is_taken_whole() -> None:
    response = {
        "message": "Back\tat ten.\n",
        "statusCode": 500,
        "retryAfterSeconds": 0,
        "headers": [{"name": "Link", "value": '<https://status.example>; rel="help"'}],
    }
    assert parsed(response=response).response == Response(
        "Back\tat ten.\n", 500, 0, (("Link", '<https://status.example>; rel="help"'),)
    )


def test_an_object_of_the_api_server_is_a_manifest() -> None:
    item = stored(**NIGHTLY, mode="ReadOnly", suspend=True)
    item["status"] = {"conditions": [], "anything": 1}
    window = parse_manifest(item)
    assert (window.uid, window.generation) == ("uid-of-w", 1)
    assert (window.mode, window.suspend) == (Mode.READ_ONLY, True)


def test_without_a_namespace_a_window_is_in_the_default_one() -> None:
    item = manifest()
    del item["metadata"]["namespace"]
    assert parse_manifest(item).key == "default/w"


@pytest.mark.parametrize(
    ("change", "field", "near"),
    [
        ({"shedule": "0 2 * * *"}, "spec.shedule", "schedule"),
        ({"timezone": "Etc/UTC"}, "spec.timezone", "timeZone"),
        ({"app": ["x"]}, "spec.app", "apps"),
        ({"mode": "Readonly"}, "spec.mode", "ReadOnly"),
        ({"response": {"mesage": "x"}}, "spec.response.mesage", "message"),
        ({"response": {"headers": [{"nam": "x"}]}}, "spec.response.headers[0].nam", "name"),
    ],
)
def test_an_unknown_word_is_told_the_nearest_known_one(
    change: dict[str, Any], field: str, near: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parsed(**change)
    assert (caught.value.field, caught.value.mend) == (field, f"did you mean {near!r}?")


def test_a_word_that_is_near_to_none_is_told_all() -> None:
    with pytest.raises(InvalidWindow, match="known here: message, statusCode"):
        parsed(response={"zzz": 1})


def test_an_unknown_field_beside_the_spec_is_refused() -> None:
    with pytest.raises(InvalidWindow, match=r"manifest\.sepc: unknown field: did you mean 'spec'"):
        parse_manifest({**manifest(), "sepc": {}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just("2h"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["name", "value", "message", "*"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.sampled_from(
        ["apps", "start", "end", "duration", "schedule", "mode", "response", "suspend"]
    ),
    st.sampled_from(["spec", "metadata", "kind"]),
)
@settings(max_examples=4000, deadline=None)
def test_any_value_gives_a_window_or_the_documented_error(
    value: object, field: str, part: str
) -> None:
    """Whoever may write a manifest can't make a process fail in another way."""
    item = {"apiVersion": API_VERSION, "kind": KIND, **manifest(**NIGHTLY)}
    broken: list[Any] = [{**item, part: value}]
    broken += [{**item, "spec": {**item["spec"], field: value}}]
    broken += [{**item, "metadata": {"name": "w", key: value}} for key in ("generation", "uid")]
    for candidate in broken:
        with contextlib.suppress(InvalidWindow):
            assert isinstance(parse_manifest(candidate), Window)
