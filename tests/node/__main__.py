"""The command line: `python -m tests.node {build,up,down,serve}`, from the checkout, as root."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.standing import ROOT, Standing, down, say, up

FOLDER = ROOT / ".kubernetes"
NODE = Standing("tests.node", "node")
HELP = {
    "build": """Build the control plane, kubelet, kube-scheduler and kube-proxy from source, and
        fetch containerd from Debian's packages, unless all is there. Takes some minutes once.
        With --if-possible a machine that can't have a node is no error.""",
    "up": """Start a node and leave it running. The one line on standard output sets KUBECONFIG:
        `eval "$(python -m tests.node up)"`. Builds what is missing.""",
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
        _build(options)
    if options.command == "up":
        up(options.folder.absolute(), options.until_exit_of, NODE)
    if options.command == "down":
        down(options.folder.absolute(), NODE)
    if options.command == "serve":
        from tests.node.serve import serve

        return serve(options.folder.absolute(), options.until_exit_of)
    return 0


def _build(options: argparse.Namespace) -> None:
    from tests.node.build import build

    try:
        build()
    except UnavailableError as error:
        if not getattr(options, "if_possible", False):
            raise
        say(f"no end-to-end tests: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.node", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text.split(".")[0].strip(), description=text)
        if name == "build":
            command.add_argument("--if-possible", action="store_true")
        else:
            command.add_argument(
                "--folder",
                type=Path,
                default=FOLDER,
                help="where its data, logs and kubeconfig are (default: .kubernetes)",
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
