"""The chart as an archive that is the same each time.

Helm packages it, and so refuses a chart that is broken; but it dates each file by the moment. So
the archive is packed anew, its files in order, dated and owned alike.

In a process of its own: Helm's library brings a Go runtime.
"""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

_PACKAGE = (
    "import sys, helm_python; print(helm_python.package(sys.argv[1], destination=sys.argv[2]))"
)


def package_chart(chart: Path, folder: Path, moment: int) -> Path:
    """Package a chart into a folder.

    Raises:
        subprocess.CalledProcessError: Helm refuses it; what it says is on standard error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-c", _PACKAGE, str(chart), scratch]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(scratch).glob("*.tgz")
        file = folder / packed.name
        file.write_bytes(normalised(packed.read_bytes(), moment))
    return file


def normalised(archive: bytes, moment: int) -> bytes:
    """The same files, in order, of one date and owner."""
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as given,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as made,
    ):
        for member in sorted(given.getmembers(), key=lambda each: each.name):
            file = given.extractfile(member)
            data = file.read() if file else b""
            made.addfile(_entry(member.name, len(data), moment), io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=moment)


def _entry(name: str, size: int, moment: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, moment, 0o644
    return entry
