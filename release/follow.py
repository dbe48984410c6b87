"""Let every file that names the version name the one in pyproject.toml; `make version`.

With ``--check`` say which does not. The chart's own version is the same in semantic versioning's
spelling, and is written by charts/generate.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from release.build import ROOT, version

NAMING = (
    "operator/Dockerfile",
    "examples/04-migration/values.yaml",
    "docs/guides/migrate.md",
    "charts/fastapi-maintenance/Chart.yaml",
)
"""Where the operator's image is named with its tag, or its label is."""
TAG = re.compile(r"(fastapi-maintenance/operator:|image\.version=\")\d[\w.]*")


def behind() -> Iterator[tuple[Path, str]]:
    """Each file that names another version, and what it should be."""
    for name in NAMING:
        text = (ROOT / name).read_text()
        due = TAG.sub(rf"\g<1>{version()}", text)
        if due != text:
            yield ROOT / name, due


def main() -> None:
    """Write them."""
    if sys.argv[1:] == ["--check"]:
        stale = [str(path.relative_to(ROOT)) for path, _ in behind()]
        sys.exit(f"another version stands in {', '.join(stale)}: make version" if stale else 0)
    for path, due in behind():
        path.write_text(due)


if __name__ == "__main__":
    main()
