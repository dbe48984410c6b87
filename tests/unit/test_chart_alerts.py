"""The chart's alerts and dashboard: by Prometheus itself, and by what the operator exports."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fastapi_maintenance_operator.metrics import Metrics
from tests.chart import CHART, NAMESPACE, only, render
from tests.controlplane.binaries import UnavailableError
from tests.promtool import find_promtool

DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
JOB = 'job="fastapi-maintenance-operator"'
OPERATOR = f'{{{JOB}, namespace="{NAMESPACE}", pod="one"}}'
MOVE = f'{OPERATOR[:-1]}, window="move"}}'
LUNCH = f'{JOB}, namespace="shop", window="lunch", pod="one"'


@pytest.fixture(scope="module")
def promtool() -> str:
    try:
        return find_promtool()
    except UnavailableError as error:
        reason = str(error)
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def groups(**values: Any) -> list[dict[str, Any]]:
    """The groups of the PrometheusRule."""
    alerts = {"enabled": True, **values.pop("alerts", {})}
    rule = only(render({**values, "metrics": {"alerts": alerts}}), "PrometheusRule")
    found: list[dict[str, Any]] = rule["spec"]["groups"]
    return found


ALERTS = [rule["alert"] for group in groups() for rule in group["rules"]]


def judge(promtool: str, folder: Path, *words: str, **files: Any) -> tuple[int, str]:
    """Give promtool these files, as YAML; its exit code, and what it says."""
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        [promtool, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_prometheus_takes_the_rules(promtool: str, tmp_path: Path) -> None:
    """And finds nothing to complain of."""
    words = ("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
    code, said = judge(promtool, tmp_path, *words, rules={"groups": groups()})
    assert (code, f"{len(ALERTS)} rules found" in said) == (0, True), said


SCENARIOS: dict[str, tuple[dict[str, str], int]] = {
    "FastapiMaintenanceOperatorGone": (
        {f"fastapi_maintenance_operator_leader{OPERATOR}": "1x9 0x400"},
        12,
    ),
    "FastapiMaintenanceOperatorFailing": (
        {f"fastapi_maintenance_reconcile_errors_total{OPERATOR}": "0x9 1+1x400"},
        20,
    ),
    "FastapiMaintenanceWindowStalled": (
        {f"fastapi_maintenance_window_stalled{{{LUNCH}}}": "_x10 1x400"},
        15,
    ),
    "FastapiMaintenanceClusterWindowStalled": (
        {f"fastapi_maintenance_cluster_window_stalled{MOVE}": "_x10 1x400"},
        15,
    ),
    "FastapiMaintenanceWindowOpenWithoutEnd": (
        {f"fastapi_maintenance_window_active_since_timestamp_seconds{{{LUNCH}}}": "_x10 600x400"},
        251,
    ),
    "FastapiMaintenanceWindowUnenforced": (
        {
            f'fastapi_maintenance_window_processes{{{LUNCH}, state="registered"}}': "_x10 2x400",
            f'fastapi_maintenance_window_processes{{{LUNCH}, state="enforcing"}}': "_x10 1x400",
        },
        15,
    ),
    "FastapiMaintenanceDrainHeld": (
        {f'fastapi_maintenance_window_processes{{{LUNCH}, state="draining"}}': "_x10 1x400"},
        25,
    ),
}
"""What is wrong from the tenth minute on, and the minute at which that is an alert."""

LEADS = {f"fastapi_maintenance_operator_leader{OPERATOR}": "1x400"}


def check_alert(
    promtool: str, folder: Path, series: dict[str, str], minute: int, firing: set[str]
) -> None:
    """Which alerts fire in that minute, and no others do."""
    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                "promql_expr_test": [expectation(a, minute, a in firing) for a in ALERTS],
            }
        ],
    }
    words = ("test", "rules", "tests.yaml")
    code, said = judge(promtool, folder, *words, rules={"groups": groups()}, tests=tests)
    assert code == 0, said


def expectation(alert: str, minute: int, fires: bool) -> dict[str, Any]:
    """That there is one such alert in that minute, or none."""
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if fires else []
    expr = f'count by (alertname) (ALERTS{{alertstate="firing", alertname="{alert}"}})'
    return {"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples}


def test_each_alert_has_a_scenario() -> None:
    """The list above is complete."""
    assert set(SCENARIOS) == set(ALERTS)


@pytest.mark.parametrize("alert", SCENARIOS)
def test_an_alert_fires_when_it_is_due_and_not_before(
    promtool: str, tmp_path: Path, alert: str
) -> None:
    """And no other does."""
    series, minute = SCENARIOS[alert]
    check_alert(promtool, tmp_path, LEADS | series, minute - 1, set())
    check_alert(promtool, tmp_path, LEADS | series, minute + 1, {alert})


def test_an_operator_that_is_not_scraped_at_all_is_gone(promtool: str, tmp_path: Path) -> None:
    """No sample is no leader."""
    check_alert(promtool, tmp_path, {}, 5, {"FastapiMaintenanceOperatorGone"})


QUIET_NIGHTS: list[dict[str, str]] = [
    {
        f"fastapi_maintenance_window_active_since_timestamp_seconds{{{LUNCH}}}": "600x400",
        f"fastapi_maintenance_window_end_timestamp_seconds{{{LUNCH}}}": "90000x400",
    },
    {
        f'fastapi_maintenance_window_processes{{{LUNCH}, state="registered"}}': "2x400",
        f'fastapi_maintenance_window_processes{{{LUNCH}, state="enforcing"}}': "2x400",
        f'fastapi_maintenance_window_processes{{{LUNCH}, state="draining"}}': "0x400",
    },
]


@pytest.mark.parametrize("series", QUIET_NIGHTS, ids=["with an end", "drained"])
def test_a_window_as_it_should_be_is_no_alert(
    promtool: str, tmp_path: Path, series: dict[str, str]
) -> None:
    """However long it is open."""
    check_alert(promtool, tmp_path, LEADS | series, 390, set())


def test_a_change_of_leaders_is_no_alert_and_ends_none(promtool: str, tmp_path: Path) -> None:
    """The samples are another Pod's then: what is wrong with a window goes on being wrong."""
    other = LUNCH.replace('"one"', '"two"')
    series = {
        f"fastapi_maintenance_operator_leader{OPERATOR}": "1x17 0x400",
        f"fastapi_maintenance_operator_leader{OPERATOR.replace('one', 'two')}": "0x17 1x400",
        f'fastapi_maintenance_window_processes{{{LUNCH}, state="draining"}}': "_x10 1x9 stale",
        f'fastapi_maintenance_window_processes{{{other}, state="draining"}}': "_x18 1x400",
    }
    check_alert(promtool, tmp_path, series, 26, {"FastapiMaintenanceDrainHeld"})


def test_with_two_namespaces_two_have_to_lead() -> None:
    """One for each; and the seconds are the values'."""
    values = {"watchNamespaces": ["shop", "billing"], "alerts": {"operatorGoneSeconds": 7}}
    gone = groups(**values)[0]["rules"][0]
    assert gone["expr"].endswith("< 2")
    assert gone["for"] == "7s"


# Names


def expressions() -> dict[str, str]:
    """All that is asked of Prometheus, by where."""
    alerts = {rule["alert"]: rule["expr"] for group in groups() for rule in group["rules"]}
    return alerts | {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }


def exported() -> set[str]:
    """Every sample that the operator has a name for, labels apart."""
    text = Metrics(list, lambda: True).text().decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    buckets = {f"{name}_bucket" for name, kind in types.items() if kind == "histogram"}
    return set(types) | buckets


@pytest.mark.parametrize("where", expressions())
def test_what_is_asked_for_is_exported(where: str) -> None:
    """A metric that was renamed would give an alert that never fires."""
    asked = set(re.findall(r"fastapi_maintenance_\w+", expressions()[where]))
    assert asked
    assert asked <= exported()


def test_prometheus_takes_what_the_dashboard_asks(promtool: str, tmp_path: Path) -> None:
    """Each expression is one."""
    rules = [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(expressions().values())]
    content = {"groups": [{"name": "dashboard", "rules": rules}]}
    code, said = judge(promtool, tmp_path, "check", "rules", "rules.yaml", rules=content)
    assert code == 0, said
    assert f"{len(rules)} rules found" in said


def test_the_dashboard_is_laid_out_without_overlaps() -> None:
    """Each panel has a place of its own within the 24 columns, and a number."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_dashboards_configmap_has_the_dashboard() -> None:
    """As it stands, under the label that Grafana's sidecar looks for."""
    configmap = only(render({"metrics": {"dashboard": {"enabled": True}}}), "ConfigMap")
    assert json.loads(configmap["data"]["fastapi-maintenance.json"]) == DASHBOARD
    assert configmap["metadata"]["labels"]["grafana_dashboard"] == "1"
