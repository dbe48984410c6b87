"""What the API server makes of MaintenanceWindows, as kubectl shows it to people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fastapi_maintenance.windows import parse_manifest

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

REFUSED: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("refused.yaml").read_text())

ONCE = {"apps": ["orders"], "start": "2026-06-01T22:00:00Z"}
AGAIN = {
    "apps": ["orders"],
    "schedule": "0 2 * * 6",
    "duration": "2h30m",
    "timeZone": "Europe/Berlin",
}
LONGEST = {"name": "x" * 64, "value": "y" * 512}
HEADER = {"name": "Link", "value": '<https://status.example.com>; rel="help"'}

SUM = "c6b7f6bf0e1b1a1a7e4d1c0d6f7be3e8f2f7d7f5b5b6a1a5cbf19e86ae4a6b7d"
LAST = "2026-06-01T23:00:00Z"


def override(minute: int = 0) -> dict[str, Any]:
    """A postponement of an occurrence of its own."""
    return {"occurrence": f"2026-06-01T22:{minute:02d}:00Z", "start": LAST}


ACCEPTED: dict[str, dict[str, Any]] = {
    "an open end": ONCE,
    "every app of the namespace": ONCE | {"apps": ["*"]},
    "names and globs": ONCE | {"apps": ["orders", "billing-*", "Search_2.eu", "*"]},
    "as many apps as there may be": ONCE | {"apps": ["a" * 63] * 64},
    "an end": ONCE | {"end": "2026-06-01T22:00:00.000001Z"},
    "an offset": ONCE | {"start": "2026-06-02T00:00:00+02:00", "end": "2026-06-01T23:59:59-23:59"},
    "the first instant": ONCE | {"start": "1970-01-01T00:00:00Z"},
    "the last instant": ONCE | {"start": "2999-12-31T23:59:59-12:00"},
    "29 February": ONCE | {"start": "2028-02-29T00:00:00Z"},
    "a duration": ONCE | {"duration": "90s"},
    "the longest duration": ONCE | {"duration": "9600h"},
    "more minutes than an hour has": ONCE | {"duration": "1h90m"},
    "a schedule": AGAIN,
    "a schedule as a folded line": AGAIN | {"schedule": "0 2 * * 6\n"},
    "UTC": AGAIN | {"timeZone": "UTC"},
    "a zone of three parts": AGAIN | {"timeZone": "America/Argentina/Buenos_Aires"},
    "a fixed zone": AGAIN | {"timeZone": "Etc/GMT+12"},
    "suspended": ONCE | {"suspend": True},
    "read-only": ONCE | {"mode": "ReadOnly"},
    "a message of several lines": ONCE | {"response": {"message": "Gleich zurück\n\tbis zehn"}},
    "the longest message": ONCE | {"response": {"message": "ü" * 1024}},
    "an answer of its own": ONCE | {"response": {"statusCode": 429, "retryAfterSeconds": 0}},
    "a year's delay": ONCE | {"response": {"retryAfterSeconds": 31_536_000}},
    "as many headers as there may be": ONCE | {"response": {"headers": [HEADER] * 8}},
    "the longest header": ONCE | {"response": {"headers": [LONGEST]}},
    "as many overrides as there may be": AGAIN | {"overrides": [override(n) for n in range(16)]},
    "an override that ends": ONCE | {"overrides": [{"occurrence": ONCE["start"], "end": LAST}]},
    "an override that skips": ONCE | {"overrides": [{"occurrence": ONCE["start"], "skip": True}]},
    "as many exclusions as there may be": ONCE
    | {"exclusions": [{"start": ONCE["start"], "end": LAST, "reason": "ü" * 256}] * 64},
    "ended": ONCE | {"endedAt": LAST},
    "the longest announcement": ONCE | {"announceBefore": "720h"},
    "the longest description": ONCE | {"description": "ü\n\t" * 341},
    "deleted after a year": ONCE | {"ttlSecondsAfterFinished": 31_536_000},
    "a match of all kinds": ONCE
    | {"match": {"paths": ["/" + "ü" * 252], "methods": ["WEBSOCKET"], "dependencies": ["a_.b"]}},
    "read-only for a method that writes": ONCE
    | {"mode": "ReadOnly", "match": {"methods": ["GET", "TRACE"]}},
    "an allowance of all kinds": ONCE
    | {
        "allow": {
            "paths": ["*"] * 64,
            "cidrs": ["0.0.0.0/0", "::/0", "192.0.2.7/32", "2001:DB8::/32", "::10.0.0.0/104"],
            "tokens": [{"name": "anna", "sha256": SUM.upper()}],
        }
    },
}  # fmt: skip

TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    "65 apps": (ONCE | {"apps": ["a"] * 65}, "spec.apps: Too many"),
    "an app's name of 64 characters": (ONCE | {"apps": ["a" * 64]}, "spec.apps[0]: Too long"),
    "a time of 36 characters": (ONCE | {"start": "2" * 36}, "spec.start: Too long"),
    "a duration of 21 characters": (ONCE | {"duration": "1" * 21}, "spec.duration: Too long"),
    "a zone of 65 characters": (AGAIN | {"timeZone": "E" * 65}, "spec.timeZone: Too long"),
    "a schedule of 129 characters": (AGAIN | {"schedule": "0" * 129}, "spec.schedule: Too long"),
    "a message of 1025 characters": (
        ONCE | {"response": {"message": "x" * 1025}},
        "spec.response.message: Too long",
    ),
    "9 headers": (
        ONCE | {"response": {"headers": [HEADER] * 9}},
        "spec.response.headers: Too many",
    ),
    "a delay of more than a year": (
        ONCE | {"response": {"retryAfterSeconds": 31_536_001}},
        "spec.response.retryAfterSeconds in body should be less than or equal to 31536000",
    ),
    "17 overrides": (
        AGAIN | {"overrides": [override(n) for n in range(17)]},
        "spec.overrides: Too many",
    ),
    "65 exclusions": (
        ONCE | {"exclusions": [{"start": ONCE["start"], "end": LAST}] * 65},
        "spec.exclusions: Too many",
    ),
    "65 paths": (ONCE | {"match": {"paths": ["/"] * 65}}, "spec.match.paths: Too many"),
    "65 networks": (ONCE | {"allow": {"cidrs": ["::/0"] * 65}}, "spec.allow.cidrs: Too many"),
}  # fmt: skip


def window(spec: dict[str, Any], name: str = "trial") -> str:
    """A manifest as text (JSON is YAML)."""
    kind = {"apiVersion": "fastapi-maintenance.io/v1alpha1", "kind": "MaintenanceWindow"}
    return json.dumps({**kind, "metadata": {"name": name}, "spec": spec})


@pytest.fixture(scope="module")
def refusals(kubectl: Kubectl) -> list[str]:
    """What one `kubectl apply` says of all the manifests of refused.yaml."""
    stream = "\n---\n".join(window(each["spec"], f"r{n}") for n, each in enumerate(REFUSED))
    applied = kubectl("apply", "--dry-run=server", "-f", "-", input=stream, check=False)
    found = dict(re.findall(r'MaintenanceWindow\S* "r(\d+)" is invalid: (.*)', applied.stderr))
    return [found.get(str(n), "accepted") for n, _ in enumerate(REFUSED)]


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[each["fact"] for each in REFUSED])
def test_what_is_wrong_is_refused_with_field_and_mend(refusals: list[str], number: int) -> None:
    """The message names the field, the problem and the mend."""
    assert f"{REFUSED[number]['field']}: " in refusals[number]
    assert REFUSED[number]["says"] in refusals[number]


@pytest.mark.parametrize("fact", TOO_MUCH)
def test_everything_has_a_bound(kubectl: Kubectl, fact: str) -> None:
    """One more than the bound is refused."""
    spec, says = TOO_MUCH[fact]
    applied = kubectl("apply", "--dry-run=server", "-f", "-", input=window(spec), check=False)
    assert says in applied.stderr


@pytest.mark.parametrize("fact", ACCEPTED)
def test_what_is_right_is_accepted_and_understood(kubectl: Kubectl, fact: str) -> None:
    """By the API server; and applications understand whatever it accepts, as it gives it."""
    given = window(ACCEPTED[fact])
    applied = kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", input=given)
    parse_manifest(json.loads(applied.stdout))


@pytest.mark.parametrize("name", ["two.words", "a" * 64])
def test_a_name_must_serve_as_a_label(kubectl: Kubectl, name: str) -> None:
    """At most 63 characters and no dots, though Kubernetes would take more."""
    given = window(ONCE, name)
    applied = kubectl("apply", "--dry-run=server", "-f", "-", input=given, check=False)
    assert "metadata.name has dots or more than 63 characters" in applied.stderr
    assert "shorten it, and write - in place of a dot" in applied.stderr


def test_a_spec_is_needed(kubectl: Kubectl) -> None:
    """A window without one would mean nothing."""
    without = json.dumps(json.loads(window({})) | {"spec": None})
    applied = kubectl("apply", "--dry-run=server", "-f", "-", input=without, check=False)
    assert "spec: Required value" in applied.stderr


def test_a_misspelt_field_is_refused_by_name(kubectl: Kubectl) -> None:
    """kubectl is strict unless told otherwise."""
    given = window(ONCE | {"shedule": "0 2 * * 6"})
    applied = kubectl("apply", "--dry-run=server", "-f", "-", input=given, check=False)
    assert 'unknown field "spec.shedule"' in applied.stderr


def test_an_unquoted_time_is_a_string_to_kubectl(kubectl: Kubectl) -> None:
    """YAML's own timestamps would have been another type."""
    given = window(ONCE).replace('"2026-06-01T22:00:00Z"', "2026-06-01T22:00:00Z")
    kubectl("apply", "--dry-run=server", "-f", "-", input=given)


def test_what_is_not_said_has_its_default(kubectl: Kubectl) -> None:
    """mode and suspend are shown; timeZone and response are not made up."""
    applied = kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", input=window(ONCE))
    assert json.loads(applied.stdout)["spec"] == ONCE | {"mode": "Full", "suspend": False}


def test_a_new_window_is_pending_at_once(kubectl: Kubectl, namespace: str) -> None:
    """Whoever waits for Ready finds a condition; a status that the creator wrote is dropped."""
    given = json.loads(window(ONCE)) | {"status": {"conditions": []}}
    made = kubectl("-n", namespace, "create", "-o", "json", "-f", "-", input=json.dumps(given))
    conditions = {each["type"]: each for each in json.loads(made.stdout)["status"]["conditions"]}
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("Unknown", "Pending")
    assert conditions["Active"]["reason"] == "Pending"


def test_the_default_of_the_status_is_served_to_readers_too(kubectl: Kubectl) -> None:
    """It stands in the schema of status, so that reading an object without one gives it."""
    query = (
        "{.spec.versions[0].schema.openAPIV3Schema.properties.status.default.conditions[*].type}"
    )
    crd = kubectl("get", "crd", "maintenancewindows.fastapi-maintenance.io", f"-ojsonpath={query}")
    assert crd.stdout == "Ready Active"


@pytest.mark.parametrize(
    ("spec", "status", "row"),
    [
        (
            {"apps": ["orders", "billing-*"], "start": "2999-01-01T00:00:00Z", "mode": "ReadOnly"},
            {"reason": "Scheduled", "next": {"start": "2999-01-01T00:00:00Z"}},
            'Scheduled ReadOnly ["orders","billing-*"] 2999-01-01T00:00:00Z',
        ),
        (
            ONCE | {"end": "2999-01-01T00:00:00Z"},
            {"reason": "Open", "current": {"start": ONCE["start"], "end": "2999-01-01T00:00:00Z"}},
            'Open Full ["orders"] 2999-01-01T00:00:00Z',
        ),
    ],
    ids=["scheduled", "open"],
)
def test_kubectl_get_mw_shows_what_a_window_does(
    kubectl: Kubectl, namespace: str, spec: dict[str, Any], status: dict[str, Any], row: str
) -> None:
    """State, mode, apps, and when it opens and closes; times to come are not `<invalid>`.

    The status is the one that an operator would write, so that one that runs changes nothing.
    """
    kubectl("-n", namespace, "apply", "-f", "-", input=window(spec, "move"))
    active = {"type": "Active", "status": str(status["reason"] == "Open"), "message": ""}
    moment = {"lastTransitionTime": "2026-01-01T00:00:00Z", "reason": status.pop("reason")}
    patch = json.dumps({"status": status | {"conditions": [active | moment]}})
    subresource = ("--subresource=status", "--type=merge", "-p", patch)
    kubectl("-n", namespace, "patch", "mw", "move", *subresource)
    header, shown = kubectl("-n", namespace, "get", "mw").stdout.splitlines()
    columns = ["NAME", "STATE", "MODE", "APPS", "NEXT", "UNTIL", "ENFORCED", "DRAINED", "AGE"]
    assert header.split() == columns
    assert " ".join(shown.split()).startswith(f"move {row} ")


def test_kubectl_explain_says_what_a_schedule_is(kubectl: Kubectl) -> None:
    """Meaning, fields, and an example to copy."""
    said = " ".join(kubectl("explain", "mw.spec.schedule").stdout.split())
    assert "a cron expression of five fields" in said
    assert '"0 2 * * 6" (Saturdays at 02:00)' in said


def test_the_costs_of_the_rules_leave_room(kubectl: Kubectl) -> None:
    """Lists might be eight times as long: other releases of Kubernetes estimate otherwise."""
    crd = kubectl("get", "crd", "maintenancewindows.fastapi-maintenance.io", "-o", "json").stdout
    crd = re.sub(r'"maxItems": (\d+)', lambda found: f'"maxItems": {int(found[1]) * 8}', crd)
    for name in ("MaintenanceWindow", "maintenancewindow"):
        crd = crd.replace(f'"{name}', f'"Roomy{name}'.replace("Roomym", "roomym"))
    crd = crd.replace('"mw"', '"rmw"')
    kubectl("create", "--dry-run=server", "-f", "-", input=crd)


def test_two_managers_do_not_mix_their_apps(kubectl: Kubectl, namespace: str) -> None:
    """The list is one value: the second one is told of the conflict."""
    apply = ("-n", namespace, "apply", "--server-side", "-f", "-", "--field-manager")
    kubectl(*apply, "first", input=window(ONCE))
    other = window(ONCE | {"apps": ["billing"]})
    second = kubectl(*apply, "second", input=other, check=False)
    assert 'conflict with "first": .spec.apps' in second.stderr
