"""What is in an image's archive, as a container would see it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Image:
    """How an image is run, and its files: every layer over those below it."""

    config: dict[str, Any]
    members: dict[str, tarfile.TarInfo]
    contents: dict[str, bytes]

    @classmethod
    def read(cls, archive: Path) -> Image:
        """Read it whole."""
        with tarfile.open(archive) as tar:
            files = {it.name: _content(tar, it) for it in tar}
        (entry,) = json.loads(files["index.json"])["manifests"]
        manifest = json.loads(files[_path(entry)])
        config = json.loads(files[_path(manifest["config"])])
        made = cls(config["config"], {}, {})
        for layer in manifest["layers"]:
            made._add(gzip.decompress(files[_path(layer)]))
        return made

    def _add(self, layer: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                self.members[member.name] = member
                if member.isfile():
                    self.contents[member.name] = _content(tar, member)


def _path(descriptor: dict[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""
