"""A machine of its own, as far as the network goes, whose cable can be pulled.

A network namespace (ip-netns(8)) with one link to this machine; needs root, and Linux.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress

PREFIX = "fmtest"
"""How the names of namespaces and devices begin that are made here."""
NEAR, FAR = "198.18.77.1", "198.18.77.2"  # RFC 2544: for tests of networks, and nobody's


def why_not() -> str | None:
    """What keeps this machine from having one; None: nothing does."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        return "needs Linux and ip (iproute2)"
    if os.geteuid() != 0:
        return "needs root: it makes a network namespace"
    probe = f"p{secrets.token_hex(3)}"  # others may look at the same time
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False)
    if done.returncode:
        return f"no network namespaces here: {done.stderr.decode().strip()}"
    subprocess.run(["ip", "netns", "delete", probe], check=True)
    return None


class Network:
    """A namespace, from the beginning of a block to its end."""

    def __init__(self) -> None:
        self._name = f"{PREFIX}{secrets.token_hex(3)}"
        self.prefix = ("ip", "netns", "exec", self._name)
        """What comes before a command that is to run there."""

    def plug(self) -> None:
        _ip("link", "set", f"{self._name}n", "up")

    def pull(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        _ip("link", "set", f"{self._name}n", "down")

    def __enter__(self) -> Network:
        near, far = f"{self._name}n", f"{self._name}f"
        _ip("netns", "add", self._name)
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", self._name)
        _ip("address", "add", f"{NEAR}/30", "dev", near)
        self.plug()
        for words in (
            ("address", "add", f"{FAR}/30", "dev", far),
            ("link", "set", far, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", self._name, *words)
        return self

    def __exit__(self, *_: object) -> None:
        _ip("netns", "delete", self._name)
        with suppress(subprocess.CalledProcessError):  # it may have gone with its other end
            _ip("link", "delete", f"{self._name}n")


class Forwarder:
    """Passes on what comes to an address of this machine to a port of its loopback."""

    def __init__(self, host: str, port: int, own: int = 0) -> None:
        self._target = ("127.0.0.1", port)
        self._listening = socket.create_server((host, own))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in [self._listening, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """What one socket gives, until it ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
