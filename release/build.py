"""Build what is released, the same bytes each time: wheel, sdist, chart, CRDs, SBOM, checksums.

    python -m release.build [FOLDER]

What is built is the last commit, not what lies in the folder: a file that is not committed is not
released. Its time is the time of everything (SOURCE_DATE_EPOCH, which may be set, says another;
see https://reproducible-builds.org/specs/source-date-epoch/).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from release.chart import package_chart
from release.sbom import write_sbom

ROOT = Path(__file__).parents[1]
CHECKSUMS = "SHA256SUMS"


def build(folder: Path, *, sbom: bool = True) -> list[Path]:
    """Build everything into a folder, which must be empty, and say what was made."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = epoch()
    with tempfile.TemporaryDirectory() as clean:
        source = Path(clean)
        export(source)
        made = [
            *_python(source, folder, moment),
            package_chart(source / "charts" / "fastapi-maintenance", folder, moment),
            _crds(source, folder),
        ]
        if sbom:
            file = folder / f"fastapi-maintenance-{version()}.cdx.json"
            (wheel,) = folder.glob("*.whl")
            made.append(write_sbom(source, wheel, file, moment))
    return [*made, write_checksums(folder)]


def epoch() -> int:
    """The seconds since 1970 that everything is dated."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or _git("log", "-1", "--format=%ct"))


def version() -> str:
    """The version; it stands in pyproject.toml alone."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def export(folder: Path) -> None:
    """The last commit's files."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", "HEAD"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def write_checksums(folder: Path) -> Path:
    """As `sha256sum --check` reads them."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != CHECKSUMS
    ]
    file = folder / CHECKSUMS
    file.write_text("".join(lines))
    return file


def _python(source: Path, folder: Path, moment: int) -> list[Path]:
    """The sdist and the wheel."""
    before = set(folder.iterdir())
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(folder.absolute())],
        cwd=source,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(moment)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return sorted(set(folder.iterdir()) - before)


def _crds(source: Path, folder: Path) -> Path:
    """All CRDs in one file, for `kubectl apply --server-side -f`."""
    parts = [path.read_text() for path in sorted((source / "crds").glob("*.yaml"))]
    file = folder / f"fastapi-maintenance-crds-{version()}.yaml"
    file.write_text("---\n".join(parts))
    return file


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main(*words: str) -> None:
    """Build anew, and list what was made; a folder that is named may hold what is not ours."""
    folder = Path(words[0]) if words else ROOT / "dist" / "release"
    if not words:
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.is_dir() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty: name a folder that is, or is not there yet")
    for path in build(folder):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
