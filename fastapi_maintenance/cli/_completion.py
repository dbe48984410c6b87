"""Completion for ``kubectl maintenance``: kubectl runs ``kubectl_complete-maintenance`` at a Tab.

It gives the words so far, the last one incomplete, and reads what Cobra's ``__complete`` prints: a
line for each offer, then a colon and a number, of which 4 means that these are no files.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from collections.abc import Sequence

from ._app import app

_NO_FILES = 4
_PROGRAM = "fastapi-maintenance"


def complete_for_kubectl(words: Sequence[str]) -> None:
    """Print the offers."""
    for offer in offers(words):
        print(offer)
    print(f":{_NO_FILES}")


def offers(words: Sequence[str]) -> list[str]:
    """What may stand in place of the last word, by the completion that shells use."""
    given = shlex.join([_PROGRAM, *words])
    asked = {"COMP_WORDS": given, "COMP_CWORD": str(len(words))}
    asked["_FASTAPI_MAINTENANCE_COMPLETE"] = "complete_bash"
    os.environ |= asked
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        app(prog_name=_PROGRAM, args=[])
    return [line for line in printed.getvalue().splitlines() if line]
