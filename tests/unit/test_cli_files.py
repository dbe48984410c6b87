"""Verbs that need no cluster: `explain`, `timeline`, `calendar`, `schedule`, `rbac`, `crds`."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from icalendar import Calendar

from fastapi_maintenance.windows import parse_manifest
from tests.chart import ROOT, render
from tests.unit.commanded import call
from tests.unit.making import manifest

WEEKLY = {"schedule": "0 2 * * SUN", "duration": "2h", "timeZone": "Europe/Berlin"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two windows that are valid, and one that is not."""
    windows = [
        manifest("weekly", apps=["orders"], **WEEKLY),
        manifest("move", mode="ReadOnly", start="2026-01-01T00:00:00Z", end="2999-01-01T00:00:00Z"),
        manifest("wrong", apps=[]),
    ]
    path = tmp_path / "windows.yaml"
    path.write_text(yaml.safe_dump_all(windows))
    return path


def test_explain_tells_of_each_window_of_a_file_what_it_means_or_what_is_wrong(file: Path) -> None:
    """Both zones, and by which rule requests are refused: exit 1, since one is invalid."""
    lines = call(["explain", str(file), "--at", "2026-03-28T12:00:00Z"], code=1).out.splitlines()
    assert lines[0] == (
        'shop/weekly: valid. Everything is refused, for orders; "0 2 * * SUN" in Europe/Berlin '
        "for 2h."
    )
    assert lines[1] == (
        "  opens    Sun 29 Mar 2026 03:00 - 05:00 CEST = Sun 29 Mar 2026 01:00 - 03:00 UTC"
    )
    assert "  clocks   Sun 29 Mar 2026: by +1 h; 02:00 moved to the first instant after" in lines[6]
    assert "  GET      / passes: the window is not open then (spec)" in lines
    assert "  GET      / passes: ReadOnly lets GET pass (spec.mode)" in lines
    refused = "  POST     / refused: ReadOnly refuses what is not GET, HEAD or OPTIONS (spec.mode)"
    assert refused in lines
    assert lines[-1].startswith("wrong: invalid. spec.apps: [] is not such a list")


def test_explain_tells_of_one_request(file: Path) -> None:
    words = ["--at", "2026-03-29T01:30:00Z", "--count", "0", "--method", "get", "--path", "/x"]
    said = call(["explain", str(file), *words, "--app", "billing"], code=1)
    assert "  GET      /x passes: the window is not for billing (spec.apps)" in said.out
    bare = call(["explain", str(file), *words[:-1], "x", "--app", "billing"], code=1)
    assert bare.out == said.out


def test_explain_says_why_an_occurrence_is_another_than_planned(tmp_path: Path) -> None:
    overrides = [
        {"occurrence": "2026-06-07T00:00:00Z", "skip": True, "reason": "fair"},
        {"occurrence": "2026-06-08T00:00:00Z", "skip": True},
    ]
    path = tmp_path / "w.yaml"
    path.write_text(yaml.safe_dump(manifest("weekly", overrides=overrides, **WEEKLY)))
    out = call(["explain", str(path), "--at", "2026-06-06T00:00:00Z"]).out
    assert "  left out Sun 07 Jun 2026 02:00 - 04:00 CEST" in out
    assert "skipped by an override (spec.overrides[0]: fair)" in out
    assert "spec.overrides[1] names 2026-06-08T00:00:00Z, at which nothing starts" in out


ONCE = {"apps": ["orders"], "start": "2026-06-01T02:00:00Z", "duration": "2h"}


def written(path: Path, *items: dict[str, Any]) -> str:
    """A file of windows that name no namespace unless they do."""
    path.write_text(yaml.safe_dump_all(items, allow_unicode=True), encoding="utf-8")
    return str(path)


def test_explain_says_that_a_window_is_over_and_how_to_have_another(tmp_path: Path) -> None:
    """What `on` can't write, such as a part of the routes, is not offered by it."""
    path = written(tmp_path / "w.yaml", manifest("move", **ONCE, endedAt="2026-06-01T03:00:00Z"))
    lines = call(["explain", path, "--at", "2026-06-01T05:00:00Z"]).out.splitlines()
    assert lines[1:5] == [
        "  was open Mon 01 Jun 2026 02:00 - 03:00 UTC   ended by endedAt (spec.endedAt)",
        "  over     since 03:00:00 UTC (2h ago): it never opens again",
        "           open one now: fastapi-maintenance on orders --duration 30m -n shop",
        "           this one again: give it a later start and end, and apply it",
    ]
    path = written(tmp_path / "n.yaml", manifest("part", **ONCE, match={"paths": ["/a"]}))
    out = call(["explain", path, "--at", "2026-06-02T05:00:00Z"]).out
    assert "over     since Mon 01 Jun 2026 04:00:00 UTC (1d1h ago): it never opens again" in out
    assert "fastapi-maintenance on" not in out
    skipped = [{"occurrence": ONCE["start"], "skip": True}]
    path = written(tmp_path / "s.yaml", manifest("none", **ONCE, overrides=skipped))
    for instant in ("2026-05-01T05:00:00Z", "2026-06-02T05:00:00Z"):
        assert "nothing of it takes place: it never" in call(["explain", path, "--at", instant]).out


CONTEXT = """
contexts: [{name: here, context: {cluster: c, user: u, namespace: night}}]
current-context: here
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
"""


def test_a_file_is_of_the_namespace_that_is_meant(tmp_path: Path) -> None:
    """The manifest's own, else that of -n, else that of the context, which nobody asks."""
    bare = manifest("w", **ONCE)
    del bare["metadata"]["namespace"]
    path = written(tmp_path / "w.yaml", bare, manifest("own", **ONCE))
    (tmp_path / "config").write_text(CONTEXT)
    known: dict[str, Any] = {"KUBECONFIG": str(tmp_path / "config")}

    def first(*words: str, **environment: Any) -> list[str]:
        lines = call(["explain", path, *words], **environment).out.splitlines()
        return [line.partition(":")[0] for line in lines if ": valid." in line]

    assert first("-n", "day", **known) == ["day/w", "shop/own"]
    assert first(**known) == ["night/w", "shop/own"]
    assert first() == ["default/w", "shop/own"]
    assert first(KUBECONFIG="/nowhere") == ["default/w", "shop/own"]
    said = call(["explain", path, "--context", "there"], code=1, **known)
    assert "has no context 'there'; it has: here" in said.err
    said = call(["timeline", "-A", "-f", path, "--days", "366"], **known)
    assert "night/w" in said.out


def test_explain_tells_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    path = written(tmp_path / "w.yaml", manifest("w", apps=["-"], mod="Full", duration="2 h"))
    assert call(["explain", path], code=1).out.splitlines() == [
        "w: invalid, for 3 reasons:",
        "  spec.mod: unknown field: did you mean 'mode'?",
        "  spec.apps[0]: '-' is not an app name: write a name of at most 63 letters, digits, '-', "
        "'_', '.', with '*' for any run",
        "  spec.duration: '2 h' is not a duration: write hours, minutes, seconds in this order, as "
        "in 2h30m",
    ]


def test_one_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    nameless = {**manifest(**ONCE), "metadata": {"name": ""}}
    path = written(tmp_path / "w.yaml", manifest("w", **ONCE), nameless)
    assert "window 2: invalid. metadata.name: " in call(["explain", path], code=1).out


def test_a_terminal_that_knows_few_letters_is_told_all_the_same(tmp_path: Path) -> None:
    """A manifest is UTF-8 whatever the terminal is."""
    path = written(tmp_path / "w.yaml", manifest("überholung", **ONCE))
    words = [sys.executable, "-X", "utf8=0", "-m", "fastapi_maintenance.cli", "explain"]
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    text = Path(path).read_bytes()
    for name, given in ((path, b""), ("-", text)):
        said = subprocess.run([*words, name], input=given, env=plain, capture_output=True)
        assert (said.returncode, said.stderr) == (1, b"")
        assert said.stdout.startswith(b"\\xfcberholung: invalid. metadata.name: ")


def test_explain_knows_windows_of_the_whole_cluster(tmp_path: Path) -> None:
    item = manifest("w", **ONCE, namespaceSelector={}) | {"kind": "ClusterMaintenanceWindow"}
    out = call(["explain", written(tmp_path / "w.yaml", item)]).out
    assert "w: valid. Everything is refused, for orders." in out
    assert "  it is kept in each namespace that its namespaceSelector selects" in out
    del item["spec"]["namespaceSelector"]
    out = call(["explain", written(tmp_path / "w.yaml", item)], code=1).out
    assert "w: invalid. spec.namespaceSelector: is no selector: write namespaceSelector: {" in out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "error: {path}: is not YAML"),
        ("a: 1\na: 2", "error: {path}: "),
        ("kind: List\napiVersion: v1\nitems: 3", "error: {path}: list.items: "),
        ("kind: ConfigMap", "has no MaintenanceWindow"),
        ("", "has no MaintenanceWindow"),
    ],
)
def test_a_file_that_has_no_window_is_an_error_of_two_lines(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    said = call(["explain", str(path)], code=1)
    assert problem.format(path=path) in said.err
    assert len(said.err.splitlines()) == 2


def test_a_file_that_is_not_utf_8_is_told_where(tmp_path: Path) -> None:
    """As one that an editor has saved as UTF-16."""
    path = tmp_path / "w.yaml"
    path.write_text("kind: MaintenanceWindow", encoding="utf-16")
    assert call(["explain", str(path)], code=1).err.splitlines() == [
        f"error: {path} is not UTF-8: invalid start byte at byte 0",
        "  save it as UTF-8",
    ]


def test_a_file_that_is_not_there_is_named() -> None:
    said = call(["explain", "no-such-file.yaml"], code=1)
    assert said.err.splitlines() == [
        "error: no-such-file.yaml can't be read: No such file or directory",
        "  name another file, or - for standard input",
    ]


def test_the_calendar_is_valid_and_has_each_occurrence(file: Path) -> None:
    """As another library reads it (RFC 5545)."""
    said = call(["calendar", "-f", str(file), "--days", "30", "--name", "Shop, Berlin; all"])
    assert "warning: wrong is left out: spec.apps" in said.err
    calendar: Any = Calendar.from_ical(said.out)
    assert calendar.errors == []
    assert "X-WR-CALNAME:Shop\\, Berlin\\; all" in said.out.splitlines()
    events = list(calendar.walk("VEVENT"))
    weekly = [e for e in events if str(e["SUMMARY"]) == "Maintenance: orders"]
    assert 4 <= len(weekly) <= 5
    assert {e["DTEND"].dt - e["DTSTART"].dt for e in weekly} == {timedelta(hours=2)}
    assert len({str(e["UID"]) for e in events}) == len(events)
    (move,) = [e for e in events if str(e["SUMMARY"]) == "Read-only: all apps"]
    assert move["DTSTART"].dt == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_timeline_fits_its_width_and_shows_overlaps(file: Path) -> None:
    said = call(["timeline", "-f", str(file), "--days", "14"], COLUMNS="70")
    lines = said.out.splitlines()
    assert max(map(len, lines[:4])) <= 70
    assert [line.split()[0] for line in lines[1:4]] == ["move", "weekly", "overlap"]
    assert "!" in lines[3]


def test_schedule_prints_a_valid_manifest_and_when_it_opens(tmp_path: Path) -> None:
    words = ["--cron", "0 2 * * sun", "--duration", "2h", "--tz", "Europe/Berlin"]
    said = call(["schedule", "weekly", "orders", "billing", *words, "--dry-run", "client"])
    item = yaml.safe_load(said.out)
    assert parse_manifest(item).apps == ("orders", "billing")
    assert said.err.count("opens Sun ") == 3
    assert " = Sun " in said.err


@pytest.mark.parametrize(
    ("cron", "zone", "problem"),
    [
        ("0 2", "Etc/UTC", "--cron: '0 2' has 2 fields"),
        ("0 2 * * 8", "Etc/UTC", "--cron: '0 2 * * 8'"),
        ("0 2 * * *", "Berlin", "--tz: 'Berlin' is not a time zone"),
        ("0 0 LW * */6", "Etc/UTC", "--cron: no day ever fits this schedule"),
    ],
)
def test_a_schedule_that_is_none_is_named(cron: str, zone: str, problem: str) -> None:
    words = ["--cron", cron, "--duration", "2h", "--tz", zone, "--dry-run", "client"]
    assert problem in call(["schedule", "weekly", "orders", *words], code=2).err


@pytest.mark.parametrize("job", ["application", "writer", "migrator"])
def test_the_least_rights_are_those_of_the_charts_roles(job: str) -> None:
    said = call(["rbac", "--for", "shop:orders", "--job", job])
    role, binding = yaml.safe_load_all(said.out)
    (charts,) = [
        item
        for item in render()
        if item["kind"] == "ClusterRole"
        and item["metadata"]["name"] == f"fastapi-maintenance-{job}"
    ]
    assert role["rules"] == charts["rules"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    subject = {"kind": "ServiceAccount", "name": "orders", "namespace": "shop"}
    assert binding["subjects"] == [subject]


@pytest.mark.parametrize(
    ("words", "namespace", "told"),
    [
        ([], "team", True),
        (["-n", "shop"], "shop", False),
        (["--kubeconfig", "elsewhere"], "default", True),
    ],
    ids=["of the context", "named", "of no context"],
)
def test_the_namespace_of_an_account_is_that_of_the_context_and_is_told(
    words: list[str], namespace: str, told: bool, tmp_path: Path
) -> None:
    """No cluster is asked."""
    context = {"cluster": "c", "user": "u", "namespace": "team"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    if "elsewhere" in words:
        del context["namespace"]
        path.write_text(yaml.safe_dump(config))
    flags = [str(path) if word == "elsewhere" else word for word in words]
    said = call(["rbac", "--for", "orders", *flags], KUBECONFIG=str(path))
    role, binding = yaml.safe_load_all(said.out)
    assert role["metadata"]["namespace"] == namespace
    assert binding["subjects"][0]["namespace"] == namespace
    note = (
        f'note: "orders" is taken as an account of namespace {namespace}\n'
        "  of another one: --for NAMESPACE:orders, or -n NAMESPACE\n"
    )
    assert said.err == (note if told else "")


def test_the_crds_are_those_of_the_source() -> None:
    printed = list(yaml.safe_load_all(call(["crds"]).out))
    source = [yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("crds/*.yaml"))]
    assert printed == source
    assert len(source) == 3
