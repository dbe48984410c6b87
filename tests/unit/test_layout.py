"""What is imported when: nothing is shadowed, nothing heavy comes unasked, extras are named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import fastapi_maintenance
from tests.python import python

ROOT = Path(__file__).parents[2]


AFRESH = (
    "import sys; sys.modules.pop('operator', None); import operator; print(operator.itemgetter)"
)


@pytest.mark.parametrize("arguments", [["-c", AFRESH], ["-m", "timeit", "-n1", "-r1", AFRESH]])
def test_the_folder_operator_shadows_nothing(arguments: list[str]) -> None:
    """Both put the checkout first on the path; a folder without __init__.py comes last."""
    assert "<class 'operator.itemgetter'>" in python(*arguments)


def test_the_folder_operator_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_no_folder_of_the_tests_is_called_operator() -> None:
    assert [path for path in (ROOT / "tests").rglob("operator") if path.is_dir()] == []


def modules_after(statement: str) -> set[str]:
    return set(python("-c", f"{statement}\nimport sys; print(*sys.modules)").split())


def test_importing_windows_imports_no_framework_and_no_extra() -> None:
    """The operator and the command line are built on it."""
    loaded = modules_after("import fastapi_maintenance.windows")
    assert "fastapi_maintenance.windows.state" in loaded
    heavy = {"fastapi", "starlette", "pydantic", "anyio", "httpx", "yaml", "cronsim"}
    assert loaded & heavy == set()


def test_importing_the_package_imports_none_of_its_modules() -> None:
    loaded = modules_after("import fastapi_maintenance")
    assert {name for name in loaded if name.startswith("fastapi_maintenance.")} == set()


def test_the_gate_imports_none_of_the_extras() -> None:
    loaded = modules_after("from fastapi_maintenance import MaintenanceModeMiddleware")
    assert "fastapi_maintenance.backends.env" in loaded
    assert loaded & {f"fastapi_maintenance.backends.{name}" for name in ("file", "asked")} == set()
    assert loaded & {"httpx", "yaml", "cronsim", "kubernetes_asyncio", "fastapi"} == set()


IN_A_POD = """
import fastapi_maintenance.backends.kubernetes.identity as identity
import os
os.environ |= {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
identity.PodIdentity.is_present = staticmethod(lambda mount: True)
from fastapi_maintenance import K8sBackend
assert K8sBackend("orders")._target is not None
"""


def test_in_a_pod_the_client_library_for_kubeconfigs_is_not_imported() -> None:
    loaded = modules_after(IN_A_POD)
    assert "httptools" in loaded
    assert loaded & {"httpx", "kubernetes_asyncio", "aiohttp", "kopf"} == set()


@pytest.mark.parametrize("name", fastapi_maintenance.__all__)
def test_each_public_name_can_be_imported(name: str) -> None:
    assert getattr(fastapi_maintenance, name).__name__ == name


@pytest.mark.parametrize("module", ["fastapi_maintenance", "fastapi_maintenance.backends"])
def test_a_name_that_is_not_there_is_an_attribute_error(module: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = sys.modules[module].nothing


WITHOUT = """
import sys
sys.modules[{module!r}] = None
try:
    {statement}
except ImportError as error:
    print(error)
"""
RECURRING = (
    "from tests.unit.making import parsed; "
    "parsed(schedule='0 2 * * *', timeZone='Etc/UTC', duration='1h')"
)


@pytest.mark.parametrize(
    ("module", "statement", "message"),
    [
        (
            "httptools",
            "from fastapi_maintenance import K8sBackend",
            "K8sBackend needs: pip install 'fastapi-maintenance[kubernetes]'",
        ),
        (
            "yaml",
            "from fastapi_maintenance.windows import load_documents; load_documents('a: b')",
            "manifests need: pip install 'fastapi-maintenance[windows]'",
        ),
        ("cronsim", RECURRING, "schedules need: pip install 'fastapi-maintenance[windows]'"),
        (
            "kubernetes_asyncio",
            "from fastapi_maintenance import K8sBackend; K8sBackend('a', kubeconfig='config')",
            "a kubeconfig needs: pip install 'fastapi-maintenance[cli]'",
        ),
    ],
)
def test_a_missing_extra_is_named_in_one_line(module: str, statement: str, message: str) -> None:
    assert python("-c", WITHOUT.format(module=module, statement=statement)).strip() == message


BARE = """
import sys
for module in ("httptools", "httpx", "yaml", "cronsim", "kubernetes_asyncio"):
    sys.modules[module] = None
from fastapi_maintenance import LocalFileBackend
backend = LocalFileBackend(sys.argv[1])
print(backend.state().reads is not None)
"""


PLAN = (
    '{"apiVersion":"fastapi-maintenance.io/v1alpha1","kind":"MaintenancePlan","windows":[{"apps":'
    '["*"],"name":"w","namespace":"shop","occurrences":[{"start":"2026-01-01T00:00:00Z"}]}]}'
)


@pytest.mark.parametrize(
    ("content", "answer"),
    [("on", "True"), ("kind: MaintenanceWindow", "False"), (PLAN, "True")],
    ids=["word", "manifest", "plan"],
)
def test_without_any_extra_a_file_with_a_word_or_a_plan_works_and_a_manifest_is_no_crash(
    tmp_path: Path, content: str, answer: str
) -> None:
    path = tmp_path / "maintenance"
    path.write_text(content)
    assert python("-c", BARE, str(path)).strip() == answer
