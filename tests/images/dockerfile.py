"""What a Dockerfile says: as much of it as ours use."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.images.archive import Config

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction: its keyword in capitals, and the rest, continued lines joined."""

    keyword: str
    rest: str


class Dockerfile:
    """The instructions of a file, in stages; the last stage is the image."""

    def __init__(self, text: str) -> None:
        lines = (line for line in text.splitlines() if not line.startswith("#"))
        joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
        found = [line.partition(" ") for line in joined.splitlines() if line.strip()]
        self.instructions = [Instruction(word.upper(), rest.strip()) for word, _, rest in found]

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        """Read it from a file."""
        return cls(path.read_text())

    @property
    def image(self) -> list[Instruction]:
        """The instructions of the last stage."""
        keywords = [it.keyword for it in self.instructions]
        start = len(keywords) - keywords[::-1].index("FROM") - 1
        return self.instructions[start:]

    @property
    def bases(self) -> list[str]:
        """The images that it begins from."""
        return [it.rest.split()[0] for it in self.instructions if it.keyword == "FROM"]

    def all(self, keyword: str) -> list[str]:
        """What stands behind each `keyword` of the last stage."""
        return [it.rest for it in self.image if it.keyword == keyword]

    def runs(self, script: str) -> list[str]:
        """The arguments with which a script of ours is run, in whatever stage.

        Raises:
            ValueError: it is not run exactly once.
        """
        runs = [shlex.split(it.rest) for it in self.instructions if it.keyword == "RUN"]
        (arguments,) = [words[1:] for words in runs if words[0].endswith(f"/{script}")]
        return arguments

    def config(self) -> Config:
        """How the image is run."""
        return Config(
            user=self._last("USER", ""),
            entrypoint=tuple(json.loads(self._last("ENTRYPOINT", "[]"))),
            command=tuple(json.loads(self._last("CMD", "[]"))),
            environment=self._pairs("ENV"),
            labels=self._pairs("LABEL"),
            folder=self._last("WORKDIR", "/"),
            ports=tuple(f"{port}/tcp" for port in self.all("EXPOSE")),
        )

    def _last(self, keyword: str, default: str) -> str:
        return (self.all(keyword) or [default])[-1]

    def _pairs(self, keyword: str) -> dict[str, str]:
        words = [word for rest in self.all(keyword) for word in shlex.split(rest)]
        return dict(word.split("=", 1) for word in words)
