"""The command line: `python -m tests.node {build,up,down,serve}`, from the checkout, as root."""

from __future__ import annotations

import sys

from tests.controlplane.commands import Commands
from tests.controlplane.standing import ROOT, Standing
from tests.node.build import build
from tests.node.serve import serve

NODE = Standing("tests.node", "node", ROOT / ".kubernetes")
HELP = {
    "build": """Build the control plane, kubelet, kube-scheduler and kube-proxy from source, and
        fetch containerd from Debian's packages, unless all is there. Takes some minutes once.
        With --if-possible a machine that can't have a node is no error.""",
    "up": """Start a node and leave it running. The one line on standard output sets KUBECONFIG:
        `eval "$(python -m tests.node up)"`. Builds what is missing.""",
    "down": "End what `up` has started, and remove its folder.",
    "serve": "What `up` starts: the same in the foreground, until Ctrl-C.",
}
main = Commands(__doc__, NODE, build, serve, HELP).run


if __name__ == "__main__":
    sys.exit(main())
