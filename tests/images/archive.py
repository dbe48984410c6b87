"""An image as one file, in the layout of the Open Container Initiative.

The layout is that of the image specification (image-layout.md, v1.1); containerd and Docker (from
25 on) load it, and `skopeo copy oci-archive:FILE docker://…` pushes it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEDIA = "application/vnd.oci.image"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Config:
    """What an image says of how it is run; in the specification's own terms (config.md)."""

    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    ports: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the image has it."""
        return {
            "User": self.user,
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Labels": self.labels,
            "WorkingDir": self.folder,
            "ExposedPorts": {port: {} for port in self.ports},
        }


def architecture() -> str:
    """This machine's, as images call it."""
    return ARCHITECTURES[platform.machine()]


@dataclass(frozen=True)
class Layer:
    """The files of a folder, packed; `diff_id` is the digest of what is packed."""

    packed: bytes
    diff_id: str

    @classmethod
    def of(cls, folder: Path) -> Layer:
        """All that is in `folder`, owned by root and of no particular time.

        The same contents give the same bytes.
        """
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(folder.rglob("*")):
                tar.add(path, str(path.relative_to(folder)), recursive=False, filter=_plain)
        content = buffer.getvalue()
        return cls(gzip.compress(content, 4, mtime=0), _digest(content))

    @classmethod
    def cached(cls, path: Path, make: Callable[[], Layer]) -> Layer:
        """The layer that `path` keeps; it is made when it is not there."""
        if path.exists():
            diff_id, _, packed = path.read_bytes().partition(b"\n")
            return cls(packed, diff_id.decode())
        layer = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(layer.diff_id.encode() + b"\n" + layer.packed)
        fresh.replace(path)
        return layer


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def write(target: Path, name: str, layers: list[Layer], config: Config) -> Path:
    """Write the image `name` (registry, repository and tag) of these layers, the lowest first."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes, media: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}

    packed = [blob(layer.packed, f"{MEDIA}.layer.v1.tar+gzip") for layer in layers]
    image = {
        "architecture": architecture(),
        "os": "linux",
        "config": config.as_json(),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": blob(_json(image), f"{MEDIA}.config.v1+json"),
        "layers": packed,
    }
    entry = blob(_json(manifest), f"{MEDIA}.manifest.v1+json")
    entry["annotations"] = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
    }
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [entry]}
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    files |= {f"blobs/sha256/{digest}": content for digest, content in blobs.items()}
    _write_tar(target, files)
    return target


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _write_tar(target: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(target, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
