"""Changing a window that may be somebody else's: one field, and only the version that was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi_maintenance.backends.kubernetes.transport import ApiError

from ._cluster import Cluster, Object
from ._failures import Failure
from ._hints import CLUSTER, same_of
from ._kinds import quoted
from ._output import tell
from ._seen import Seen, parent_of, see, warning_of
from ._times import now

_CONFLICT = 409
_TRIES = 5

Change = Callable[[Seen], Mapping[str, Any] | None]
"""From what is there to a merge patch of the spec; None where there is nothing to change."""


async def edit(
    cluster: Cluster, name: str, change: Change, field: str
) -> tuple[Seen, Object | None]:
    """Change a window, anew where somebody else was quicker.

    Args:
        cluster: where it is.
        name: of the window.
        change: what to change; sees an invalid window too.
        field: what it writes, for a warning where another tool manages the window.

    Returns:
        The window as it was, and as it is; None where nothing was to be changed.
    """
    for _ in range(_TRIES):
        seen = see(await cluster.window(name), now())
        _check_own(seen)
        if seen.window is None:
            raise Failure(f"{quoted(name)} is invalid: {seen.error}", "mend that first")
        spec = change(seen)
        if spec is None:
            return seen, None
        try:
            item = await cluster.patch_window(seen.item, dict(spec))
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            continue
        if warning := warning_of(seen.item, f"spec.{field}"):
            tell(warning)
        return seen, item
    raise Failure(f"{quoted(name)} is changed by somebody else all the time", "try again")


def _check_own(seen: Seen) -> None:
    """The operator keeps the children of a cluster's window as that one is."""
    if parent := parent_of(seen.item):
        its = f"{CLUSTER}{parent}"
        raise Failure(
            f"{quoted(seen.name)} is kept as {quoted(its)} has it: a change here would be undone",
            f"change it there, for all namespaces that it selects: {same_of(its)}",
        )
