"""The command line: `python -m tests.images` writes both images to dist/, as OCI archives."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.controlplane.binaries import UnavailableError
from tests.images.build import ROOT, build_all


def main() -> int:
    """Write them, and say where they are."""
    target = ROOT / "dist"
    target.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for archive in build_all(target, Path(scratch)):
                print(f"{archive}  {archive.stat().st_size / 2**20:.1f} MiB")
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
