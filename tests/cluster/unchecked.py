"""The operator without its look at its rights: what each of them is for shows in what goes wrong.

Nor does it list everything once more soon after a watch begins, by which it would learn, some
seconds later, of what a watch is for.

python -m tests.cluster.unchecked ARGUMENTS
"""

from __future__ import annotations

from datetime import timedelta

from fastapi_maintenance_operator import __main__ as operator
from fastapi_maintenance_operator import controller


async def _check(*_: object) -> None:
    """Finds nothing missing."""


if __name__ == "__main__":
    controller._RESYNC_SOON = timedelta(hours=1)
    operator.check = _check  # type: ignore[attr-defined, assignment]
    operator.main()
