"""The images of this repository, made as their Dockerfiles make them, but without Docker.

The scripts in `operator/image/` are the ones that `operator/Dockerfile` runs; packages, lock,
user, entrypoint, labels are read from it. The example's base image is replaced: on this machine
its Python is the one of the operator's image.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path

from tests.controlplane.binaries import UnavailableError, cache_folder
from tests.images.archive import Layer, write
from tests.images.dockerfile import Dockerfile
from tests.node import debian

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "operator" / "image"
OPERATOR, EXAMPLE = ROOT / "operator", ROOT / "examples" / "03-pods"
PREFIX = "docker.io/fastapi-maintenance"


def build_all(folder: Path, scratch: Path) -> list[Path]:
    """Write the operator's image and the example's into `folder`.

    Raises:
        UnavailableError: as `Builder` does.
    """
    builder = Builder(scratch)
    operator = f"{PREFIX}/operator:{version()}"
    return [
        builder.operator(folder / "operator.tar", operator),
        builder.example(folder / "orders.tar", f"{PREFIX}/orders:1"),
    ]


def version() -> str:
    """The version of the operator's image: the package's."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


class Builder:
    """Makes images in the scratch folder; layers that change seldom are kept in the user's cache.

    Raises:
        UnavailableError: Debian's or Python's packages can't be had.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._cache = cache_folder("images")

    def operator(self, target: Path, name: str) -> Path:
        """Write the operator's image, called `name`, to `target`."""
        dockerfile = Dockerfile.read(OPERATOR / "Dockerfile")
        _, lock, *_ = dockerfile.runs("dependencies.sh")
        layers = [self._base(), self._dependencies(lock), self._application()]
        return write(target, name, layers, dockerfile.config())

    def example(self, target: Path, name: str) -> Path:
        """Write the image of the application in `examples/03-pods`."""
        dockerfile = Dockerfile.read(EXAMPLE / "Dockerfile")
        (lock,) = {rest.split()[0] for rest in dockerfile.all("COPY") if "requirements/" in rest}
        config = dockerfile.config()
        config.environment.update(PATH="/app/bin:/usr/bin", PYTHONPATH="/app")
        layers = [self._base(), self._dependencies(lock), self._application(), self._code()]
        return write(target, name, layers, config)

    def _base(self) -> Layer:
        return Layer.cached(self._key("base", debian.release()), lambda: Layer.of(self._python()))

    def _dependencies(self, lock: str) -> Layer:
        def make() -> Layer:
            root = self._fresh("dependencies")
            self._run("dependencies.sh", sys.executable, ROOT / lock, self._python(), root)
            return Layer.of(root)

        return Layer.cached(self._key("dependencies", (ROOT / lock).read_text()), make)

    @cache  # noqa: B019, a builder lives as long as it builds
    def _application(self) -> Layer:
        """The repository's own code, which is in both images."""
        root = self._fresh("application")
        self._run("application.sh", sys.executable, self._wheel(), self._python(), root)
        return Layer.of(root)

    def _code(self) -> Layer:
        """The example's own."""
        root = self._fresh("example")
        (root / "app").mkdir()
        for path in EXAMPLE.glob("*.py"):
            shutil.copy(path, root / "app")
        return Layer.of(root)

    def _wheel(self) -> Path:
        folder = self._scratch / "dist"
        if not folder.exists():
            build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
            _run([*build, "--directory", str(folder)])
        (wheel,) = folder.glob("*.whl")
        return wheel

    def _python(self) -> Path:
        """The folder of the lowest layer; its Python compiles the others."""
        root = self._scratch / "base"
        if not root.exists():
            packages = self._fresh("packages")
            debian.download(tuple((SCRIPTS / "packages.txt").read_text().split()), packages)
            self._run("base.sh", packages, root)
        return root

    def _fresh(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._scratch))

    def _run(self, script: str, *arguments: object) -> None:
        _run([str(SCRIPTS / script), *map(str, arguments)])

    def _key(self, kind: str, text: str) -> Path:
        """Where a layer is kept, by all that it is made from."""
        files = sorted(SCRIPTS.iterdir())
        content = "".join([text, *(path.read_text() for path in files)])
        return self._cache / f"{kind}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"`{command[0]}` failed:\n{done.stdout}{done.stderr}")
