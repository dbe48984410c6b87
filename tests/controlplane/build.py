"""Building the control plane from source, once for each `go.mod`, into the user's cache folder.

Binaries are linked in a folder of their own, which gets its final name when all of them are
there: a full disk, a Ctrl-C or a lost machine leave nothing that looks like a finished build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import binaries
from tests.controlplane.binaries import UnavailableError
from tests.controlplane.keeping import use
from tests.controlplane.pins import CONTROL_PLANE, Pins, read_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.controlplane.progress import Progress
    from tests.controlplane.recipe import Recipe

UNFINISHED = "building-"


def build() -> None:
    """Make sure that all binaries are there; silent when they are.

    Raises:
        UnavailableError: Go is missing, or the build failed; with the compiler's last lines.
    """
    if not binaries.given():
        follow(CONTROL_PLANE)


def follow(recipe: Recipe) -> Path:
    """Make sure that what `recipe` names is built; the folder that it is in.

    Raises:
        UnavailableError: as `build` does.
    """
    target = built_by(recipe)
    use(target)
    if not recipe.missing(target):
        return target
    # Imported late: when all is built, this command takes a tenth of a second.
    from tests.controlplane.progress import Progress

    progress = Progress()
    with _locked(recipe, progress):
        if recipe.missing(target):  # else another process has built it meanwhile
            _build(recipe, progress)
    return target


def built_by(recipe: Recipe) -> Path:
    """The folder that a finished build is in, or will be."""
    return binaries.cache_folder(recipe.cache) / recipe.fingerprint()


@contextmanager
def _locked(recipe: Recipe, progress: Progress) -> Iterator[None]:
    """One build at a time; the lock falls with the process that holds it."""
    from filelock import FileLock, Timeout

    cache = binaries.cache_folder(recipe.cache)
    cache.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache / "build.lock")
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"Another process is building {recipe.title}; waiting for it …")
        held = lock.acquire()
    with held:
        yield


def _build(recipe: Recipe, progress: Progress) -> None:
    cache = binaries.cache_folder(recipe.cache)
    _sweep(cache)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=cache) as folder:
        work = _Build(Path(folder), recipe, read_pins(), progress)
        work.run()
        work.publish(built_by(recipe))
    progress.say(f"Built in {progress.elapsed:.0f} s.")


def _sweep(cache: Path) -> None:
    """Remove what killed builds left; nobody else can be building under the lock."""
    for leftover in cache.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


class _Build:
    """One build in a scratch folder."""

    def __init__(self, folder: Path, recipe: Recipe, pins: Pins, progress: Progress) -> None:
        from tests.controlplane.toolchain import environment, find_go

        self._recipe, self._pins, self._progress = recipe, pins, progress
        self._go = find_go(pins.go)
        self._bin, self._scratch = folder / "bin", folder / "scratch"
        self._bin.mkdir()
        self._scratch.mkdir()
        self._env = environment(self._scratch)  # not /tmp, which may be small

    def run(self) -> None:
        """Fetch, compile, link."""
        minutes = max(1, round(self._recipe.core_minutes / (os.cpu_count() or 1)))
        self._progress.say(
            f"Building Kubernetes {self._pins.kubernetes} from source ({self._names()}), "
            f"once: about {minutes} min on this machine, 5 GiB for sources and Go's cache."
        )
        total = self._count_packages()
        for name, packages in self._recipe.links:
            target = str(self._bin / name) if name else f"{self._bin}{os.sep}"
            self._compile(total, "-o", target, *packages)

    def _names(self) -> str:
        return ", ".join(self._recipe.names)

    def _count_packages(self) -> int:
        """How many packages there are at most to compile; fetches all sources on the way."""
        self._run(lambda _: "fetching sources", "list", "-deps", *self._recipe.packages)
        return count_packages(self._log("list").read_text())

    def _compile(self, total: int, *arguments: str) -> None:
        def status(log: str) -> str:
            return f"compiled {count_packages(log):,} of at most {total:,} packages"

        self._run(status, "build", "-v", "-trimpath", "-ldflags", self._flags(), *arguments)

    def _flags(self) -> str:
        """No debug symbols; and the version, which a plain `go build` would leave at v0.0.0."""
        major, minor = self._pins.minor
        values = {"gitVersion": self._pins.kubernetes, "gitMajor": major, "gitMinor": minor}
        package = "k8s.io/component-base/version"
        return "-s -w " + " ".join(f"-X {package}.{name}={v}" for name, v in values.items())

    def _run(self, status: Callable[[str], str], verb: str, *arguments: str) -> None:
        """Run one Go command, on a leash, showing how far it is."""
        from tests.leash import Leashed

        command, log = [self._go, verb, *arguments], self._log(verb)
        with Leashed(command, log=log, env=self._env, cwd=self._recipe.module) as process:
            while process.poll() is None:
                self._progress.show(status(log.read_text()))  # of both builds, one after the other
                try:
                    process.wait(1)
                except subprocess.TimeoutExpired:
                    continue
        if process.returncode:
            raise UnavailableError(f"`go {verb}` failed; its last words:\n{process.tail()}")

    def _log(self, verb: str) -> Path:
        return self._scratch / f"{verb}.log"

    def publish(self, target: Path) -> None:
        """Give the finished folder its name; on disk first, should the machine go down now."""
        for name in self._recipe.names:
            with (self._bin / name).open("rb") as binary:
                os.fsync(binary.fileno())
        shutil.rmtree(target, ignore_errors=True)  # one that somebody has taken a file from
        self._bin.rename(target)


def count_packages(log: str) -> int:
    """How many packages a log names, among Go's remarks (`go: downloading …`) and errors.

    `go build -v` names what it compiles; what is in Go's cache it passes over.
    """
    return sum(not line.startswith(("go:", "#", "\t")) for line in log.splitlines())
