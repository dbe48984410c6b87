"""The operator without its look at its rights: what each of them is for shows in what goes wrong.

python -m tests.cluster.unchecked ARGUMENTS
"""

from __future__ import annotations

from fastapi_maintenance_operator import __main__ as operator


async def _check(*_: object) -> None:
    """Finds nothing missing."""


if __name__ == "__main__":
    operator.check = _check  # type: ignore[attr-defined, assignment]
    operator.main()
