"""Each error of a manifest names the field, what is wrong with it, and the mend."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.windows import InvalidWindow, parse_manifest
from tests.unit.making import manifest, parsed

NIGHTLY = {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin", "duration": "2h"}
START = "2026-06-01T12:00:00Z"
MANY = [f"app-{number}" for number in range(65)]


def header(name: Any = "X-A", value: Any = "v") -> dict[str, Any]:
    return {"headers": [{"name": name, "value": value}]}


@pytest.mark.parametrize(
    ("spec", "field", "problem", "mend"),
    [
        ({"apps": None}, "apps", "is missing", "['*'] for every app"),
        ({"apps": []}, "apps", "[] is not such a list", "or ['*'] for every app"),
        ({"apps": "orders"}, "apps", "'orders' is not such a list", "such as [orders]"),
        ({"apps": MANY}, "apps", "is not such a list", "1 to 64 names"),
        ({"apps": ["a", "-b"]}, "apps[1]", "'-b' is not an app name", "at most 63 letters"),
        ({"apps": ["a" * 64]}, "apps[0]", "is not an app name", "at most 63 letters"),
        ({"apps": [""]}, "apps[0]", "'' is not an app name", "write a name"),
        ({"apps": [1]}, "apps[0]", "1 is not an app name", "write a name"),
        ({"start": None}, "start", "start or schedule is missing", "2026-06-01T22:00:00Z"),
        ({"start": None, "duration": "1h"}, "start", "is missing", "in the past means now"),
        ({**NIGHTLY, "start": START}, "schedule", "exclude each other", "keep start"),
        ({"start": "now"}, "start", "'now' is not a date-time", "2026-03-29T02:00:00Z"),
        ({"start": "2026-06-01T12:00:00"}, "start", "is not a date-time", "an offset"),
        ({"start": "2026-06-01t12:00:00z"}, "start", "is not a date-time", "T02:00:00Z"),
        ({"start": "2026-06-01"}, "start", "is not a date-time", "2026-03-29T02:00:00Z"),
        ({"start": "2026-06-31T12:00:00Z"}, "start", "day", "2026-03-29T02:00:00Z"),
        ({"start": "2026-06-01T12:00:00+24:00"}, "start", "+24:00", "+02:00"),
        ({"start": "1969-06-01T12:00:00Z"}, "start", "is not a date-time", "2026"),
        ({"start": "3000-01-01T00:00:00Z"}, "start", "is not a date-time", "2026"),
        ({"start": "２０２６-06-01T12:00:00Z"}, "start", "is not a date-time", "2026"),  # noqa: RUF001
        ({"start": 2026}, "start", "2026 is not a date-time", "2026-03-29T02:00:00Z"),
        ({"end": "tomorrow"}, "end", "'tomorrow' is not a date-time", "2026"),
        (
            {"start": START, "end": START},
            "end",
            f"{START!r} is not after start {START!r}",
            "later end",
        ),
        (
            {"end": "2027-01-01T00:00:00Z", "duration": "2h"},
            "end",
            "exclude each other",
            "one of them",
        ),
        ({"duration": "2 hours"}, "duration", "is not a duration", "as in 2h30m"),
        ({"duration": "30m2h"}, "duration", "is not a duration", "in this order"),
        ({"duration": "1d"}, "duration", "is not a duration", "hours, minutes, seconds"),
        ({"duration": ""}, "duration", "is not a duration", "2h30m"),
        ({"duration": "٢h"}, "duration", "is not a duration", "2h30m"),
        ({"duration": 7200}, "duration", "7200 is not a duration", "2h30m"),
        ({"duration": "0s"}, "duration", "'0s' is out of bounds", "from 1s to 9600h"),
        ({"duration": "9600h1s"}, "duration", "is out of bounds", "from 1s to 9600h"),
        ({"timeZone": "Etc/UTC"}, "timeZone", "goes with schedule only", "leave it out"),
        ({**NIGHTLY, "end": START}, "end", "does not go with schedule", "a duration"),
        ({**NIGHTLY, "duration": None}, "duration", "is needed with schedule", "duration: 2h"),
        (
            {**NIGHTLY, "timeZone": None},
            "timeZone",
            "is needed with schedule",
            "say timeZone: Europe/Berlin, or Etc/UTC",
        ),
        ({**NIGHTLY, "timeZone": "Berlin"}, "timeZone", "not a time zone known", "IANA name"),
        ({**NIGHTLY, "schedule": "daily"}, "schedule", "has 1 fields", "write five"),
        ({**NIGHTLY, "schedule": "* 25 * * *"}, "schedule", "Bad hour", "cron fields"),
        ({**NIGHTLY, "schedule": "0 2 * * * #" + "x" * 128}, "schedule", "string", "at most 128"),
        ({**NIGHTLY, "schedule": 5}, "schedule", "5 is not such a string", "quoted"),
        ({"mode": "Off"}, "mode", "'Off' is unknown", "Full, ReadOnly"),
        ({"suspend": "yes"}, "suspend", "'yes' is not a boolean", "true or false"),
        ({"suspend": 1}, "suspend", "1 is not a boolean", "true or false"),
        ({"response": "x"}, "response", "'x' is not an object", "write its fields"),
        ({"response": {}}, "response", "is empty", "leave response out"),
        (
            {"response": {"message": None, "headers": None}},
            "response",
            "is empty, since message and headers are null",
            "leave response out",
        ),
        ({"response": {"message": ""}}, "response.message", "''", "at most 1024"),
        ({"response": {"message": "x" * 1025}}, "response.message", "xx...", "at most 1024"),
        ({"response": {"message": "\ud800"}}, "response.message", "not such a string", "quoted"),
        ({"response": {"message": "\x1b[31m"}}, "response.message", "control", "remove them"),
        ({"response": {"statusCode": 302}}, "response.statusCode", "302", "from 400 to 599"),
        ({"response": {"statusCode": True}}, "response.statusCode", "True", "from 400 to 599"),
        ({"response": {"statusCode": "503"}}, "response.statusCode", "'503'", "a whole number"),
        ({"response": {"retryAfterSeconds": -1}}, "response.retryAfterSeconds", "-1", "from 0"),
        ({"response": {"headers": []}}, "response.headers", "[]", "1 to 8 items"),
        ({"response": {"headers": ["x"]}}, "response.headers[0]", "not an object", "its fields"),
        ({"response": header(name="X A")}, "response.headers[0].name", "can't be set", "name"),
        ({"response": header(name="Retry-After")}, "response.headers[0].name", "can't", "itself"),
        ({"response": header(name="x-maintenance")}, "response.headers[0].name", "can't", "self"),
        ({"response": header(value="a\r\nb")}, "response.headers[0].value", "'a\\r\\nb'", "ASCII"),
        ({"response": header(value="ü")}, "response.headers[0].value", "'ü'", "printable ASCII"),
        ({"response": header(value=" a")}, "response.headers[0].value", "' a'", "spaces"),
        ({"response": header(value=None)}, "response.headers[0].value", "is missing", "characters"),
        ({"response": header(name=None)}, "response.headers[0].name", "is missing", "a quoted"),
        ({"allow": {"tokens": [{"name": "a"}]}}, "allow.tokens[0].sha256", "is missing", "write"),
    ],
)
def test_a_wrong_field_is_named_with_its_problem_and_mend(
    spec: dict[str, Any], field: str, problem: str, mend: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parsed(**spec)
    error = caught.value
    assert error.field == f"spec.{field}"
    assert problem in error.problem
    assert mend in error.mend
    assert str(error) == f"{error.field}: {error.problem}: {error.mend}"


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"kind": "Deployment"}, "kind", "Deployment is not a window"),
        ({"apiVersion": "v1"}, "kind", "v1 MaintenanceWindow is not a window"),
        ({"metadata": None}, "manifest.metadata", "is missing"),
        ({"metadata": "orders"}, "manifest.metadata", "'orders' is not an object"),
        ({"metadata": {}}, "metadata.name", "is missing"),
        ({"metadata": {"name": "A.b"}}, "metadata.name", "'A.b' is not a name"),
        ({"metadata": {"name": "a" * 64}}, "metadata.name", "is not a name"),
        ({"metadata": {"name": "w", "generation": "x"}}, "metadata.generation", "'x' is not"),
        ({"metadata": {"name": "w", "generation": ""}}, "metadata.generation", "'' is not"),
        ({"metadata": {"name": "w", "generation": False}}, "metadata.generation", "False is not"),
        ({"metadata": {"name": "w", "generation": []}}, "metadata.generation", "[] is not"),
        ({"metadata": {"name": "w", "generation": 1.5}}, "metadata.generation", "1.5 is not"),
        ({"metadata": {"name": "w", "namespace": "A b"}}, "metadata.namespace", "'A b' is not"),
        ({"metadata": {"name": "w", "namespace": 5}}, "metadata.namespace", "5 is not"),
        ({"metadata": {"name": "w", "uid": 5}}, "metadata.uid", "5 is not"),
        ({"spec": None}, "spec", "is missing"),
        ({"spec": ["apps"]}, "spec", "['apps'] is not an object"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(
    change: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest({**manifest(), **change})
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert caught.value.mend


@pytest.mark.parametrize("text", ["on", None, 1, ["on"]])
def test_what_is_no_mapping_is_no_manifest(text: Any) -> None:
    with pytest.raises(InvalidWindow, match="is not an object: write its fields"):
        parse_manifest(text)


@pytest.mark.parametrize("apps", [[], "orders", None])
def test_a_mend_can_be_followed(apps: Any) -> None:
    """A field that is needed can't be left out."""
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest(manifest() | {"spec": {"apps": apps, "start": START}})
    assert "out" not in caught.value.mend.split()


def wrong_fields(**spec: Any) -> list[str]:
    with pytest.raises(InvalidWindow) as caught:
        parsed(**spec)
    return [error.field.removeprefix("spec.") for error in caught.value.all]


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"apps": ["-a", "b", "c d"], "mode": "Off"}, ["apps[0]", "apps[2]", "mode"]),
        ({"sart": START, "mod": "Full", "suspend": 1}, ["sart", "mod", "suspend"]),
        (
            {"schedule": "daily", "start": None, "timeZone": "Berlin", "duration": None},
            ["schedule", "timeZone", "duration"],
        ),
        ({"start": "now", "end": "then"}, ["start", "end"]),
        (
            {
                "match": {"paths": ["x"], "methods": ["get"]},
                "allow": {"cidrs": ["10.0.0.1/8", "x"]},
            },
            ["match.paths[0]", "match.methods[0]", "allow.cidrs[0]", "allow.cidrs[1]"],
        ),
        (
            {"allow": {"tokens": [{"name": "-", "sha256": "x"}, {"hash": "x"}]}},
            ["allow.tokens[0].name", "allow.tokens[0].sha256", "allow.tokens[1].hash"],
        ),
        (
            {"response": {"statusCode": 200, "headers": [{"name": "X A", "value": "ü"}]}},
            ["response.statusCode", "response.headers[0].name", "response.headers[0].value"],
        ),
        (
            {
                "overrides": [
                    {"occurrence": "then", "end": "now"},
                    {"occurrence": START, "skip": True},
                    {"occurrence": START, "skip": True},
                ],
                "exclusions": [{"start": START, "end": START}, {"start": START}],
            },
            [
                "overrides[0].occurrence",
                "overrides[0].end",
                "overrides[2].occurrence",
                "exclusions[0].end",
                "exclusions[1].end",
            ],
        ),
    ],
)
def test_one_error_hides_no_other(spec: dict[str, Any], fields: list[str]) -> None:
    assert wrong_fields(**spec) == fields


def test_the_fields_of_metadata_and_spec_are_all_looked_at() -> None:
    wrong = {**manifest("A b"), "spec": {"apps": []}}
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest(wrong)
    assert [e.field for e in caught.value.all] == ["metadata.name", "spec.apps", "spec.start"]


def test_a_spec_that_is_none_is_one_error() -> None:
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest({**manifest(), "spec": ["apps"]})
    assert [e.field for e in caught.value.all] == ["spec"]


def test_what_is_wrong_throughout_is_not_told_to_its_end() -> None:
    assert len(wrong_fields(**{f"field-{number}": 1 for number in range(99)})) == 16
