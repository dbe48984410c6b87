"""Draw docs/images/terminal.svg: a migration as it looks in a terminal; `make pictures`.

What is seen is what the programs have said, on a real API server: the application of
examples/08-drain with a slow request in it, and the schema of examples/03-pods.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from examples.demo.story import EXAMPLES, Visitor, serve
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.install import install, start_operator
from tests.controlplane.target import Cluster, own

FILE = Path(__file__).parents[1] / "images" / "terminal.svg"
WIDTH = 104
_REWRITTEN = "\r\033[K"
MIGRATE = "fastapi-maintenance run orders --duration 30m -- python migrate.py 2"
# Fonts of elsewhere would be asked for by whoever reads the page.
SVG = re.sub(r"@font-face \{\{.*?\}\}\s*\}?", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


class Screen:
    """A terminal that is recorded."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment, self._folder = environment, folder
        nowhere = io.StringIO()
        self._console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)

    def run(self, line: str) -> None:
        """Type a command, and see what it says, in the order in which it does."""
        self._console.print(Text.assemble(("$ ", "bold green"), (line, "bold")))
        for shown in _in_a_terminal(line, self._environment, self._folder):
            self._print(Text.from_ansi(shown))

    def show(self, text: str, style: str = "") -> None:
        """Lines that somebody has said."""
        for line in text.rstrip().splitlines():
            self._print(Text(line, style))

    def _print(self, line: Text) -> None:
        self._console.print(line, overflow="ignore", no_wrap=True, crop=True)

    def say(self, text: str) -> None:
        """A remark of ours."""
        self._console.print(Text(f"\n# {text}", "dim italic"))

    def save(self) -> None:
        """Write the picture."""
        svg = self._console.export_svg(
            title="at two in the morning", code_format=SVG, unique_id="terminal"
        )
        FILE.write_text(svg.rstrip() + "\n")


def main() -> None:
    """A control plane, an application with a slow request, a migration."""
    build()
    with tempfile.TemporaryDirectory() as folder, _cluster(Path(folder)) as cluster:
        os.environ["FASTAPI_MAINTENANCE_KUBECONFIG"] = str(cluster.kubeconfig)
        os.environ["POD_NAME"] = "orders-7d9f-x"
        with serve("08-drain") as visitor:
            visitor.ask_until(200)
            _play(visitor, cluster, Path(folder))
    print(FILE)


@contextmanager
def _cluster(folder: Path) -> Iterator[Cluster]:
    with ControlPlane(folder) as control_plane:
        cluster = own(control_plane)
        install(cluster)
        operator = start_operator(cluster)
        try:
            cluster.kubectl("create", "namespace", "shop")
            cluster.kubectl("config", "set-context", "--current", "--namespace=shop")
            yield cluster
        finally:
            operator.stop()


def _play(visitor: Visitor, cluster: Cluster, folder: Path) -> None:
    url = str(visitor.url)
    screen = Screen(_environment(cluster, folder), EXAMPLES / "03-pods")
    subprocess.run(
        [sys.executable, "migrate.py", "1"],
        cwd=EXAMPLES / "03-pods",
        env=_environment(cluster, folder),
        check=True,
    )
    _in_background(lambda: httpx.get(f"{url}/export/15", timeout=30, trust_env=False))
    refusals: list[httpx.Response] = []
    _in_background(lambda: refusals.append(_first_refusal(url)))
    time.sleep(1)  # the slow request has come, as nobody but it can say
    screen.run(MIGRATE)
    screen.say("what a visitor was told meanwhile")
    screen.show(_head(refusals[0]))
    screen.say("afterwards")
    screen.run("fastapi-maintenance status")
    screen.save()


def _in_a_terminal(line: str, environment: dict[str, str], folder: Path) -> list[str]:
    """What stands there in the end: of a line that was rewritten, what it has become."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        shlex.split(line), env=environment, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # so it ends where nobody has it open any more
        while found := os.read(ours, 4096):
            shown += found
    os.close(ours)
    assert running.wait() == 0, shown
    lines = shown.decode().replace("\r\n", "\n").rstrip().split("\n")
    return [each.rpartition(_REWRITTEN)[2] for each in lines]


def _environment(cluster: Cluster, folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    mine = {"KUBECONFIG": str(cluster.kubeconfig), "COLUMNS": str(WIDTH), "PATH": path}
    return os.environ | mine | {"DATABASE": str(folder / "shop.db"), "PYTHONUNBUFFERED": "1"}


def _in_background(what: object) -> None:
    assert callable(what)
    threading.Thread(target=what, daemon=True).start()


def _first_refusal(url: str) -> httpx.Response:
    while (answer := httpx.get(f"{url}/orders", trust_env=False)).status_code != 503:
        time.sleep(0.05)
    return answer


def _head(answer: httpx.Response) -> str:
    shown = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"]
    shown += [f"{name}: {answer.headers[name]}" for name in ("Retry-After", "X-Maintenance")]
    return "\n".join([*shown, "", answer.text])


if __name__ == "__main__":
    main()
