"""What runs in the client's Pod: requests through Services, each told in a line.

    python traffic.py RATE NAME=URL…

RATE is requests a second to each, one after the other; 0: just one. Each has a connection of
its own, so that Services choose a Pod anew. Runs on the Python of the example's image.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit


def main(rate: float, targets: list[str]) -> None:
    """Ask until killed, or once."""
    for target in targets:
        name, _, url = target.partition("=")
        if not rate:
            tell(name, url)
        else:
            threading.Thread(target=follow, args=(name, url, 1 / rate), daemon=True).start()
    while rate:
        time.sleep(3600)


def follow(name: str, url: str, interval: float) -> None:
    """Ask one Service, for ever."""
    while True:
        began = time.time()
        tell(name, url)
        time.sleep(max(0.0, began + interval - time.time()))


def tell(name: str, url: str) -> None:
    """Ask once, and say what came of it."""
    began = time.time()
    line = {"to": name, "sent": began, **ask(url), "took": time.time() - began}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def ask(url: str) -> dict[str, object]:
    """One request: status, the window that refused it, and what went wrong, if anything did."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        told = answer.getheader("X-Maintenance") or ""
    except OSError as error:
        return {"status": 0, "window": "", "body": f"{type(error).__name__}: {error}"}
    finally:
        connection.close()
    return {"status": answer.status, "window": told, "body": body[:200]}


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
