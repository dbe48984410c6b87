"""The image of the process that holds a Pod's namespaces."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.images.archive import Config, Layer, write
from tests.node.flags import PAUSE


def write_pause(binary: Path, target: Path) -> Path:
    """Write it as an archive; `binary` is all that is in it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy2(binary, Path(folder) / "pause")
        config = Config(user="65535:65535", entrypoint=("/pause",))
        return write(target, PAUSE, [Layer.of(Path(folder))], config)
