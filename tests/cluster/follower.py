"""A process that follows windows, and prints each change of what it knows as a line of JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
import time

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from tests.cluster.following import BRISK, Following


def main(kubeconfig: str) -> None:
    """Until it is ended."""
    with Following(KubeconfigIdentity(kubeconfig, None), pace=BRISK) as following:
        said = None
        while True:
            health = dataclasses.asdict(following.health)
            now = (sorted(following.names), health["last_error"], health["synced"])
            if now != said:
                print(json.dumps(dict(zip(("names", "error", "synced"), now, strict=True))))
                sys.stdout.flush()
                said = now
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1])
