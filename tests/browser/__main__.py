"""``python -m tests.browser``: bring the browser, unless it is there.

With ``--if-possible`` it is no failure that it can't be had: the tests then say so.
"""

from __future__ import annotations

import sys

from tests.browser.install import install
from tests.controlplane.binaries import UnavailableError

if __name__ == "__main__":
    try:
        install()
    except UnavailableError as error:
        print(error, file=sys.stderr)
        sys.exit("--if-possible" not in sys.argv)
