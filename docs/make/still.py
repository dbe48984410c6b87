"""The operator on a clock that stands still: at $INSTANT, as RFC 3339 writes it."""

from __future__ import annotations

import os
from datetime import datetime, tzinfo

from fastapi_maintenance_operator import __main__, controller, proof_rounds
from fastapi_maintenance_operator.page import serve

INSTANT = datetime.fromisoformat(os.environ["INSTANT"])


class Still(datetime):
    """Stands where controller, rounds and page take the time from."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return INSTANT.astimezone(tz)


for module in (controller, proof_rounds, serve):
    vars(module)["datetime"] = Still
__main__.main()
