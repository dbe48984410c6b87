"""A proxy that knows CONNECT alone, and who asked it for what."""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import suppress

from tests.cluster.network import pass_on


class Proxy:
    """Listens on loopback until it is closed; with `user`, for those alone who name it."""

    def __init__(self, user: str | None = None) -> None:
        self.asked: list[str] = []
        """Host and port of each CONNECT that was let through."""
        self._wanted = base64.b64encode(user.encode()).decode() if user else None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError):  # who asks may go at any moment
            self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (came := near.recv(1)):
                return
            head += came
        method, target, _ = head.decode().split(" ", 2)
        if method != "CONNECT" or (self._wanted and f"Basic {self._wanted}" not in head.decode()):
            near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        self.asked.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(far, near), daemon=True)
            back.start()
            pass_on(near, far)
            back.join()
