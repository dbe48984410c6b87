"""The command line: ``fastapi-maintenance``, and ``kubectl maintenance``.

One file a verb; what several of them need stands in the files whose names begin with ``_``. Nothing
is imported here, so that a missing extra is an error of one line.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper

_NEEDED = ("typer", "httptools")


def main() -> None:
    """Run the command line; the entry point of both executables."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows few letters is no fault
            stream.reconfigure(errors="backslashreplace")
    try:
        from ._app import run
    except ImportError as error:
        _explain(error)
    run()


def complete() -> None:
    """What kubectl asks for when Tab is pressed behind ``kubectl maintenance``."""
    try:
        from ._completion import complete_for_kubectl
    except ImportError as error:
        _explain(error)
    complete_for_kubectl(sys.argv[1:])


def _explain(error: ImportError) -> None:
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    if cause.name not in _NEEDED:
        raise error
    sys.exit("error: the command line needs: pip install 'fastapi-maintenance[cli]'")
