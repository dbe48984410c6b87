"""Write clustermaintenancewindows.yaml: the spec of maintenancewindows.yaml, and a selector.

    python crds/generate.py

Run it after each change of maintenancewindows.yaml; a test compares both. The chart's copies are
written too.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CHART = HERE.parent / "charts" / "fastapi-maintenance" / "files" / "crds"
SOURCE, MADE = "maintenancewindows.yaml", "clustermaintenancewindows.yaml"
HEADER = "# Made by generate.py from maintenancewindows.yaml and selector.yaml.in: change those.\n"
OF_PROCESSES = ("processes",)
"""What a namespaced window alone has in its status: processes are its namespace's."""
COLUMNS = ("State", "Mode", "Apps", "Next", "Until", "Age")

Schema = dict[str, Any]


def main() -> None:
    """Write the file, and the chart's copies."""
    (HERE / MADE).write_text(generate())
    for crd in HERE.glob("*.yaml"):
        (CHART / crd.name).write_bytes(crd.read_bytes())


def generate() -> str:
    """The CRD of ClusterMaintenanceWindow as YAML."""
    crd = yaml.safe_load((HERE / SOURCE).read_text())
    additions = yaml.safe_load((HERE / "selector.yaml.in").read_text())
    crd["metadata"]["name"] = f"cluster{crd['metadata']['name']}"
    crd["spec"]["scope"] = "Cluster"
    crd["spec"]["names"] = additions["names"]
    (version,) = crd["spec"]["versions"]
    version["additionalPrinterColumns"] = _columns(version, additions["columns"])
    _extend(version["schema"]["openAPIV3Schema"], additions)
    return HEADER + _dump(crd)


def _columns(version: Schema, more: list[Schema]) -> list[Schema]:
    columns = [c for c in version["additionalPrinterColumns"] if c["name"] in COLUMNS]
    return [*columns[:-1], *more, columns[-1]]


def _extend(schema: Schema, additions: Schema) -> None:
    schema["description"] = additions["description"]
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    spec["required"] = [*spec["required"], "namespaceSelector"]
    spec["properties"] = {**spec["properties"], **additions["spec"]}
    for name in OF_PROCESSES:
        status["properties"].pop(name, None)
    status["properties"] |= additions["status"]
    status["properties"]["conditions"]["description"] = additions["conditions"]


def _dump(crd: Schema) -> str:
    """Without anchors for what stands there twice, which no API server's tools expect."""
    return str(yaml.safe_dump(copy.deepcopy(crd), sort_keys=False, width=110, allow_unicode=True))


if __name__ == "__main__":
    main()
