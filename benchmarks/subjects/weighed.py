"""An application, with our package or without, that says what it has cost and what it weighs.

Started by `benchmarks.weight` in a fresh interpreter, with the environment that a Pod has. It
prints a line of JSON when it follows windows; then one for each number of events that it reads,
when it has taken so many.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path

from fastapi import FastAPI


def resident() -> int:
    """Bytes of this process in memory (proc_pid_status(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(size) * 1024


def say(**values: object) -> None:
    """To who has started this process."""
    print(json.dumps(values), flush=True)


def bare() -> None:
    """An application alone."""
    app = FastAPI()
    app.get("/")(lambda: "")
    gc.collect()
    say(milliseconds=0.0, resident=resident())


def ours(mount: Path) -> None:
    """The same behind our gate, once it follows windows."""
    app = FastAPI()
    app.get("/")(lambda: "")
    gc.collect()
    began = time.perf_counter()
    from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware

    milliseconds = (time.perf_counter() - began) * 1000
    from fastapi_maintenance.backends.kubernetes import identity, sources

    identity.MOUNT = mount
    followed = K8sBackend("orders", report=False, sync_timeout=60)
    app.add_middleware(MaintenanceModeMiddleware, backend=followed)
    taken = _count(sources)
    followed.start()
    asyncio.run(followed.wait_until_ready())
    gc.collect()
    say(milliseconds=milliseconds, resident=resident())
    for line in sys.stdin:
        while taken[0] < int(line):
            time.sleep(0.01)
            followed.state()
        gc.collect()
        say(events=taken[0], resident=resident())


def _count(sources: object) -> list[int]:
    """How many events the store has taken, from now on."""
    store = sources.WindowStore  # type: ignore[attr-defined]
    update, taken = store.update, [0]

    def counted(self: object, kind: str, item: object) -> None:
        update(self, kind, item)
        taken[0] += 1

    store.update = counted
    return taken


if __name__ == "__main__":
    bare() if len(sys.argv) == 1 else ours(Path(sys.argv[1]))
