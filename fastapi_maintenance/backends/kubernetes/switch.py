"""The switch of one app, as `set_maintenance_mode` turns it: a ConfigMap's key, or a window.

The window is deleted to turn it off, not ended by `endedAt`: no manifest in Git stands for it, so
nothing brings it back, and one that is turned on again is a new object with a new occurrence, of
which nobody can have said yet that it is enforced.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi_maintenance.windows import InvalidWindow, parse_manifest, state_at

from .objects import (
    SWITCH,
    Object,
    configmap_path,
    empty_configmap,
    is_taken_back,
    made_for,
    name_for,
    switch_patch,
    switch_window,
    windows_path,
)
from .transport import ApiError, Unreachable, may_be_done
from .writer import Api
from .written import Written

_NOT_FOUND = 404
_CONFLICT = 409
_TRIES = 4
"""Others may turn the same switch at the same time."""


async def turn_configmap(api: Api, app: str, value: bool, written: Written) -> None:
    """Set one key of the ConfigMap, which is made if it is not there."""
    path, patch = configmap_path(api.namespace), switch_patch(app, value)
    try:
        item = await api.merge(path, patch)
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        # Empty at first: what two processes apply as one field manager, the later one would own.
        await api.apply(path, empty_configmap())
        item = await api.merge(path, patch)
    written.changed(item)


async def turn_window(
    api: Api, app: str, value: bool, written: Written, now: Callable[[], float]
) -> None:
    """Have a window that is open until it is deleted, or have none."""
    for _ in range(_TRIES):
        if await (_open if value else _delete)(api, app, written, now()):
            return
    raise ApiError(_CONFLICT, "others turn the same switch all the time")


async def _open(api: Api, app: str, written: Written, now: float) -> bool:
    try:
        written.changed(await api.create(windows_path(api.namespace), switch_window(app, now)))
        return True
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
    item = await _find(api, app)
    if item is None:
        return False
    if _is_open(item, app, now):
        written.changed(item)
        return True
    await _delete_one(api, item, written)
    return False


async def _delete(api: Api, app: str, written: Written, now: float) -> bool:
    del now
    item = await _find(api, app)
    return item is None or await _delete_one(api, item, written)


async def _find(api: Api, app: str) -> Object | None:
    try:
        item = await api.get(windows_path(api.namespace, name_for(app, SWITCH)))
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    if made_for(item) != SWITCH:
        name = item["metadata"]["name"]
        raise ApiError(_CONFLICT, f"{name} was made by somebody else: delete it, or give it a name")
    return item


async def _delete_one(api: Api, item: Object, written: Written) -> bool:
    """Whether it is gone; not where another has its name."""
    metadata = item["metadata"]
    path = windows_path(api.namespace, metadata["name"])
    try:
        await api.delete(path, metadata["uid"])
    except (ApiError, Unreachable) as error:
        if getattr(error, "status", None) == _CONFLICT:
            return False
        if not await _is_gone(api, path, error):
            raise
    written.removed(item)
    return True


async def _is_gone(api: Api, path: str, error: ApiError | Unreachable) -> bool:
    """Whether there is nothing, though it was not said that it was deleted."""
    if not may_be_done(error):
        return getattr(error, "status", None) == _NOT_FOUND
    try:
        await api.get(path)
    except (ApiError, Unreachable) as missing:
        return getattr(missing, "status", None) == _NOT_FOUND
    return False


def _is_open(item: Object, app: str, now: float) -> bool:
    if is_taken_back(item):  # one that is being deleted may still be there for a while
        return False
    try:
        state = state_at([parse_manifest(item)], app, datetime.fromtimestamp(now, UTC))
    except InvalidWindow:
        return False
    return state.reads is not None
