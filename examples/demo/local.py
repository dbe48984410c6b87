"""`make demo`: a manifest in a local file turns an application off, and its clock turns it on."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from examples.demo.story import EXAMPLES, play, say, serve, show

EXAMPLE = "01-local-file"
SECONDS = 5


def story() -> None:
    """200, an edit, 503, the window's end, 200."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "maintenance.yaml"
        manifest = (EXAMPLES / EXAMPLE / "maintenance.yaml").read_text()
        file.write_text(manifest)
        os.environ["MAINTENANCE_FILE"] = str(file)
        say("A FastAPI app runs beside this manifest, whose window opens in 2030:")
        show(manifest)
        with serve(EXAMPLE) as visitor:
            visitor.ask_until(200)
            say(f"Now the file is edited: the window starts at once, for {SECONDS} seconds.")
            edited = manifest.replace("2030-01-01T02:00:00Z", f"{datetime.now(UTC):%FT%TZ}")
            edited = edited.replace("duration: 2h", f"duration: {SECONDS}s")
            file.write_text(edited)
            show(
                "\n".join(line for line in edited.splitlines() if "start" in line or "dur" in line)
            )
            visitor.ask_until(503)
            say("Nobody touches anything any more; the window ends by its own clock.")
            visitor.ask_until(200)
    say("That is all. The same manifest works in a cluster: make cluster-demo")


if __name__ == "__main__":
    play(story)
