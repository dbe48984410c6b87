"""A process that follows windows, and prints each change of what it knows as a line of JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
import time

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from tests.cluster.following import IMPATIENT, Following


def main(kubeconfig: str) -> None:
    """Until it is ended."""
    with Following(KubeconfigIdentity(kubeconfig, None), pace=IMPATIENT) as following:
        said = None
        while True:
            health = dataclasses.asdict(following.health)
            watching = following.log.opened > 0
            now = (sorted(following.names), health["last_error"], watching)
            if now != said:
                print(json.dumps(dict(zip(("names", "error", "watching"), now, strict=True))))
                sys.stdout.flush()
                said = now
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1])
