"""Programs from Debian's packages, unpacked into the cache folder: nothing is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.controlplane.binaries import UnavailableError, cache_folder
from tests.controlplane.keeping import use

# The programs, and the libraries that a plain machine may lack.
PACKAGES = (
    *("containerd", "runc", "containernetworking-plugins", "nftables"),
    *("libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libgmp10", "libxtables12"),
    *("libedit2", "libbsd0", "libmd0", "libtinfo6", "libseccomp2"),
)


class Programs:
    """The folder that the packages are unpacked in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """The program called `name`.

        Raises:
            UnavailableError: no package has brought it.
        """
        for place in ("usr/bin", "usr/sbin"):
            if (self.folder / place / name).exists():
                return self.folder / place / name
        raise UnavailableError(f"{self.folder} lacks {name}: remove the folder and build anew")

    @property
    def cni(self) -> Path:
        """The folder of the network plugins."""
        return self.folder / "usr/lib/cni"

    def environment(self) -> dict[str, str]:
        """Where they find each other and their libraries."""
        places = [self.folder / place for place in ("usr/sbin", "usr/bin", "sbin", "bin")]
        libraries = [path.parent for path in self.folder.glob("**/lib*.so.*")]
        return {
            "PATH": os.pathsep.join([*map(str, places), "/usr/sbin:/usr/bin:/sbin:/bin"]),
            "LD_LIBRARY_PATH": os.pathsep.join(sorted({str(path) for path in libraries})),
        }


def find() -> Programs:
    """What has been fetched.

    Raises:
        UnavailableError: nothing has.
    """
    use(_folder())
    if not _folder().exists():
        raise UnavailableError("containerd is not fetched yet: `python -m tests.node build`")
    return Programs(_folder())


def fetch() -> Programs:
    """Make sure that the programs are there.

    Raises:
        UnavailableError: this is no Debian, or its packages can't be reached.
    """
    target = _folder()
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=target.parent) as scratch:
            unpack(PACKAGES, Path(scratch) / "root", Path(scratch))
            _publish(Path(scratch) / "root", target)
    return find()


def unpack(packages: tuple[str, ...], root: Path, scratch: Path) -> None:
    """Put what these packages hold into the folder `root`.

    Raises:
        UnavailableError: they can't be had.
    """
    root.mkdir()
    download(packages, scratch)
    for package in sorted(scratch.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(root)], scratch)


def download(packages: tuple[str, ...], folder: Path) -> None:
    """Download them; with the machine's lists of packages, else with new ones of our own."""
    get = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
    try:
        _run([*get, "download", *packages], folder)
    except UnavailableError:
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        get += ["-o", f"Dir::State::Lists={lists}", "-o", "Dir::Cache::pkgcache="]
        get += ["-o", "Dir::Cache::srcpkgcache="]
        _run([*get, "update"], folder)
        _run([*get, "download", *packages], folder)


def _run(command: list[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise UnavailableError(
            f"{command[0]} is missing: containerd and runc come from Debian's packages"
        )
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"`{' '.join(command[:6])} …` failed:\n{done.stderr or done.stdout}")


def _folder() -> Path:
    content = " ".join(PACKAGES) + release()
    name = hashlib.sha256(content.encode()).hexdigest()[:16]
    return cache_folder("programs") / name


def release() -> str:
    """The release of Debian, whose packages fit each other."""
    path = Path("/etc/os-release")
    return path.read_text() if path.exists() else ""


def _publish(root: Path, target: Path) -> None:
    try:
        root.rename(target)
    except OSError:
        if not target.exists():  # else somebody else was quicker
            raise
