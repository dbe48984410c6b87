"""The bill of materials, as CycloneDX: what an installation with every extra consists of.

It is read from a real one, for licences and for who needs whom.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from release.environment import make_environment

ROOT = Path(__file__).parents[1]
WRITER = ROOT / ".venv" / "release" / "bin" / "cyclonedx-py"
"""In an environment of its own, from requirements/release.txt."""


class WriterMissing(Exception):
    """It is not installed."""


def write_sbom(source: Path, wheel: Path, file: Path, moment: int) -> Path:
    """Write it, the same each time.

    Raises:
        WriterMissing: what writes it is not installed.
    """
    if not WRITER.exists():
        raise WriterMissing(f"{WRITER} is missing: make dist brings it")
    with tempfile.TemporaryDirectory() as scratch:
        lock = source / "requirements" / "operator.txt"
        python = make_environment(Path(scratch) / "environment", wheel, lock)
        command = [str(WRITER), "environment", "--pyproject", str(source / "pyproject.toml")]
        command += ["--mc-type", "library", "--output-reproducible"]
        subprocess.run(
            [*command, "--output-file", str(file.absolute()), str(python)],
            env=os.environ | {"SOURCE_DATE_EPOCH": str(moment)},
            check=True,
        )
    return file
