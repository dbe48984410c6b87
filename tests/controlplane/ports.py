"""Ports that stay free while the server that owns them is down."""

from __future__ import annotations

import os
import random
import socket
from collections import deque

# Below the range from which kernels take ports for outgoing connections: no connection of ours
# can sit on the port of a server that a test has stopped and wants to start again.
RANGE = range(20000, 32000)
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
SHARES = 8
"""Parts of the range, one for each process of a test run: they start and stop side by side."""
_given: deque[int] = deque(maxlen=1000)


def free_port() -> int:
    """A port on loopback where nobody listens now; somebody may before you do.

    None of those that were given last: whoever took one may listen there a while later.
    """
    own = RANGE[int(WORKER.removeprefix("gw")) % SHARES :: SHARES]
    for port in random.sample(own, len(own)):
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.append(port)
            return port
    raise OSError(f"no free port between {RANGE.start} and {RANGE.stop}")
