"""What runs in the client's Pod: requests through Services, each told in a line.

    python traffic.py RATE NAME=URL…
    python traffic.py hold URL

RATE is requests a second to each, one after the other. Each has a connection of
its own, so that Services choose a Pod anew. Runs on the Python of the example's image.

`hold` begins a POST, says `begun` when the application reads it, and ends it when its standard
input ends.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
import time
from urllib.parse import urlsplit


def main(rate: float, targets: list[str]) -> None:
    """Ask until killed."""
    for target in targets:
        name, _, url = target.partition("=")
        threading.Thread(target=follow, args=(name, url, 1 / rate), daemon=True).start()
    threading.Event().wait()


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
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
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


def hold(url: str) -> None:
    """Be a request that takes as long as somebody wants."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.hostname}\r\nContent-Length: 4\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        # A server says so when the application asks for the body.
        if not connection.recv(1024).startswith(b"HTTP/1.1 100"):
            sys.exit("refused")
        print("begun", flush=True)
        sys.stdin.read()
        connection.sendall(b"done")
        print(connection.makefile().readline().split()[1], flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold(sys.argv[2])
    else:
        main(float(sys.argv[1]), sys.argv[2:])
