"""Chromium over the DevTools protocol: as much of it as tests of a page need."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from websockets.sync.client import ClientConnection, connect

from tests.browser.install import GIVEN, find
from tests.leash import Leashed

_PATIENCE = 60.0
_FLAGS = (
    "--headless=shell", "--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
    # Nothing is looked for anywhere but on this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0",
)  # fmt: skip


_LOADED = """
new Promise(done => document.readyState === "complete" ? done() : addEventListener("load", done))
"""


class Tab:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        """What stood in the console: errors, exceptions, and what a policy forbade."""
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Ask for something; gives the result.

        Raises:
            AssertionError: the browser refused.
        """
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=_PATIENCE))
            self._listen(message)
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def _listen(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        if message.get("method") == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.complaints.append(said["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(said["exceptionDetails"]))

    def look(self, width: int, height: int, scheme: str = "light", zone: str = "Etc/UTC") -> None:
        """Be a window of a size, light or dark, somewhere on earth."""
        how = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **how)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setTimezoneOverride", timezoneId=zone)

    def open(self, address: str) -> None:
        """Go there, and wait until it is loaded."""
        self.call("Page.navigate", url=address)
        self.evaluate(_LOADED)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        how = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.call("Runtime.evaluate", **how)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """A key, down and up."""
        codes = {"Tab": 9, "Enter": 13}
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key]
            )

    def picture(self, path: Path, height: int | None = None) -> None:
        """The page as a PNG, all of it or as far down as `height`."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        extent = {"width": size["width"], "height": height or size["height"]}
        clip = {"x": 0, "y": 0, "scale": 1, **extent}
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(taken["data"]))


class Chromium:
    """A browser that runs.

    Raises:
        UnavailableError: there is none here.
    """

    def __init__(self, place: Path) -> None:
        home, log = find(), place / "chromium.log"
        binary = os.environ.get(GIVEN) or str(home / "chromium")
        own = {"LD_LIBRARY_PATH": str(home / "lib"), "FONTCONFIG_PATH": str(home / "fonts")}
        environment = {**os.environ, "HOME": str(place), **({} if os.environ.get(GIVEN) else own)}
        words = [binary, *_FLAGS, f"--user-data-dir={place / 'profile'}", "about:blank"]
        self._process = Leashed(words, log=log, env=environment)
        found = self._process.wait_for(
            lambda: re.search(r"ws://127\.0\.0\.1:(\d+)/", log.read_text()),
            _PATIENCE,
            "the browser to listen",
        )
        assert found is not None
        self._address = f"http://127.0.0.1:{found[1]}/json"

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A new page, closed in the end."""
        with urlopen(Request(f"{self._address}/new?about:blank", method="PUT")) as answer:
            target = json.load(answer)
        try:
            # Without pings: a browser that is late on a busy machine is not given up.
            how: dict[str, Any] = {"open_timeout": _PATIENCE, "ping_interval": None}
            with connect(target["webSocketDebuggerUrl"], max_size=None, **how) as socket:
                yield Tab(socket)
        finally:
            with urlopen(f"{self._address}/close/{target['id']}"):
                pass

    def stop(self) -> None:
        """End it."""
        self._process.stop()
