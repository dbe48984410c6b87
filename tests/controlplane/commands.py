"""The command line of a cluster that is left running: build, up, down, serve."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.standing import down, say, up

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.controlplane.standing import Standing


@dataclass(frozen=True)
class Commands:
    """What the commands do, beside `up` and `down`, and their descriptions by name."""

    about: str | None
    standing: Standing
    build: Callable[[], None]
    serve: Callable[[Path, int | None], int]
    help: dict[str, str]

    def run(self, arguments: list[str] | None = None) -> int:
        """Run one command; the exit code is 1 when something is missing or fails."""
        options = self._parser().parse_args(arguments)
        try:
            return self._run(options)
        except (UnavailableError, AssertionError) as error:
            say(f"error: {error}")
            return 1
        except KeyboardInterrupt:
            say("interrupted")
            return 130

    def _run(self, options: argparse.Namespace) -> int:
        if options.command in ("build", "up"):
            self._build(getattr(options, "if_possible", False))
        if options.command == "up":
            up(options.folder.absolute(), options.until_exit_of, self.standing)
        if options.command == "down":
            down(options.folder.absolute(), self.standing)
        if options.command == "serve":
            return self.serve(options.folder.absolute(), options.until_exit_of)
        return 0

    def _build(self, if_possible: bool) -> None:
        try:
            self.build()
        except UnavailableError as error:
            if not if_possible:
                raise
            say(f"no {self.standing.title}: {error}")

    def _parser(self) -> argparse.ArgumentParser:
        program = f"python -m {self.standing.module}"
        parser = argparse.ArgumentParser(prog=program, description=self.about)
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        for name, text in self.help.items():
            command = commands.add_parser(name, help=text.split(".")[0].strip(), description=text)
            if name == "build":
                command.add_argument("--if-possible", action="store_true")
            else:
                command.add_argument(
                    "--folder",
                    type=Path,
                    default=self.standing.folder,
                    help="where its data, logs and kubeconfig are (default: %(default)s)",
                )
            if name in ("up", "serve"):
                command.add_argument(
                    "--until-exit-of",
                    type=int,
                    metavar="PID",
                    help="end by itself when the process PID has ended",
                )
        return parser
