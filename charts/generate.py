"""Write what of the chart is said elsewhere already: versions, and the README's table.

    python charts/generate.py

Run it (`make chart-docs`) after a change of the version in pyproject.toml or of values.yaml; a test
says when it is due.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CHART = HERE / "fastapi-maintenance"
PYPROJECT = HERE.parent / "pyproject.toml"
BEGIN, END = "<!-- values: made by charts/generate.py -->\n", "<!-- end of values -->\n"
SPELLED = {"a": "alpha", "b": "beta", "rc": "rc"}
DOCUMENTED = re.compile(r"^( *)# -- (.+)\n\1(\w+):", re.MULTILINE)
KEY = re.compile(r"^( *)(\w+):", re.MULTILINE)


def main() -> None:
    """Write both files."""
    (CHART / "Chart.yaml").write_text(chart())
    (CHART / "README.md").write_text(readme())


def chart() -> str:
    """Chart.yaml for the version that pyproject.toml has."""
    released = tomllib.loads(PYPROJECT.read_text())["project"]["version"]
    text = (CHART / "Chart.yaml").read_text()
    semantic = semantic_version(released)
    text = re.sub(r"^version: .*", f"version: {semantic}", text, flags=re.MULTILINE)
    text = re.sub(r"^appVersion: .*", f'appVersion: "{released}"', text, flags=re.MULTILINE)
    early = json.dumps(str("-" in semantic).lower())
    text = re.sub(r"(artifacthub.io/prerelease:) .*", rf"\1 {early}", text)
    return re.sub(r"(image: \S+):\S+", rf"\1:{released}", text)


def semantic_version(released: str) -> str:
    """A version of Python, such as 1.0.0a1, as semantic versioning writes it: 1.0.0-alpha.1."""
    return re.sub(r"(?<=\d)(a|b|rc)(?=\d)", lambda m: f"-{SPELLED[m[1]]}.", released)


def readme() -> str:
    """The README with its table made anew."""
    text = (CHART / "README.md").read_text()
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def table() -> str:
    """One row for each documented value of values.yaml."""
    text = (CHART / "values.yaml").read_text()
    defaults = yaml.safe_load(text)
    rows = [f"| `{path}` | {_shown(_at(defaults, path))} | {said} |" for path, said in values(text)]
    return "\n".join(["", "| value | default | meaning |", "| --- | --- | --- |", *rows, "", ""])


def values(text: str) -> Iterator[tuple[str, str]]:
    """Path and meaning of each value that has a comment like ``# -- meaning`` above it."""
    for found in DOCUMENTED.finditer(text):
        indent, said, name = found.groups()
        yield ".".join([*_parents(text[: found.start()], len(indent)), name]), said


def _parents(before: str, indent: int) -> list[str]:
    """The keys under which a line stands that is indented so far."""
    keys: list[str] = []
    for found in reversed(list(KEY.finditer(before))):
        if len(found[1]) < indent:
            indent = len(found[1])
            keys.insert(0, found[2])
    return keys


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


def _shown(value: Any) -> str:
    return f"`{json.dumps(value)}`" if value not in ("", [], {}) else ""


if __name__ == "__main__":
    main()
