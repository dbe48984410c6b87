"""The command line: `python -m tests.controlplane {build,up,down,serve}`, from the checkout."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.controlplane.binaries import ASSETS, UnavailableError
from tests.controlplane.standing import FOLDER, down, say, up

HELP = {
    "build": f"""Build etcd, kube-apiserver and kube-controller-manager from source, unless they
        are there. Takes some minutes once; the result stays in the user's cache folder. With
        {ASSETS} set, the binaries in that folder are used, and nothing is built.""",
    "up": """Start a control plane with the CRDs and the operator, and leave it running. Try
        `eval "$(python -m tests.controlplane up)"`: the one line on standard output sets
        KUBECONFIG. Builds what is missing.""",
    "down": "End what `up` has started, and remove its folder.",
    "serve": "What `up` starts: the same in the foreground, until Ctrl-C.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 1 when something is missing or fails."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (UnavailableError, AssertionError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def _run(options: argparse.Namespace) -> int:
    if options.command in ("build", "up"):
        from tests.controlplane.build import build

        build()
    if options.command == "up":
        up(options.folder.absolute(), options.until_exit_of)
    if options.command == "down":
        down(options.folder.absolute())
    if options.command == "serve":
        from tests.controlplane.serve import serve

        return serve(options.folder.absolute(), options.until_exit_of)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text.split(".")[0].strip(), description=text)
        if name != "build":
            command.add_argument(
                "--folder",
                type=Path,
                default=FOLDER,
                help="where its data, logs and kubeconfig are (default: .cluster of the checkout)",
            )
        if name in ("up", "serve"):
            command.add_argument(
                "--until-exit-of",
                type=int,
                metavar="PID",
                help="end by itself when the process PID has ended",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
