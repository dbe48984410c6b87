"""The command line: `python -m tests.controlplane {build,up,down,serve}`, from the checkout."""

from __future__ import annotations

import sys

from tests.controlplane.binaries import ASSETS
from tests.controlplane.build import build
from tests.controlplane.commands import Commands
from tests.controlplane.serve import serve
from tests.controlplane.standing import CONTROL_PLANE

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
main = Commands(__doc__, CONTROL_PLANE, build, serve, HELP).run


if __name__ == "__main__":
    sys.exit(main())
