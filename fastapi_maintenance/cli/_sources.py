"""Windows from a file, or from the cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi_maintenance.windows import KIND, InvalidWindow, load_documents

from ._access import Flags, connected, namespace_of
from ._cluster import Object
from ._failures import Failure
from ._output import tell
from ._seen import Seen, see

STDIN = "-"


def manifests_of(path: str, flags: Flags) -> list[Object]:
    """The window manifests of a file, or of standard input.

    Those that name no namespace are of the one that is meant, as `kubectl apply` has it.

    Raises:
        Failure: it can't be read, is not YAML, or has none.
    """
    name = "standard input" if path == STDIN else path
    found = [item for item in _documents(name, _text_of(path, name)) if _is_window(item)]
    if not found:
        raise Failure(f"{name} has no {KIND}", f"write kind: {KIND}; see docs/windows.md")
    namespace = cache(lambda: namespace_of(flags))
    return [_placed(item, namespace) for item in found]


def _text_of(path: str, name: str) -> str:
    """YAML is UTF-8, whatever the terminal is."""
    try:
        read = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
        return read.decode()
    except OSError as error:
        problem = f"{name} can't be read: {error.strerror}"
        raise Failure(problem, "name another file, or - for standard input") from error
    except UnicodeDecodeError as error:
        problem = f"{name} is not UTF-8: {error.reason} at byte {error.start}"
        raise Failure(problem, "save it as UTF-8") from error


def _placed(item: Object, namespace: Callable[[], str]) -> Object:
    """In a namespace; one of which the metadata can't be read stays what it is."""
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return item
    return {**item, "metadata": {**metadata, "namespace": namespace()}}


def _documents(path: str, text: str) -> list[Any]:
    """What a file has; a fault is told by its path."""
    try:
        return load_documents(text)
    except InvalidWindow as error:
        field = "" if error.field == "file" else f" {error.field}:"
        raise Failure(f"{path}:{field} {error.problem}", error.mend) from error


def _is_window(item: object) -> bool:
    return isinstance(item, dict) and str(item.get("kind", "")).endswith(KIND)


async def seen_windows(
    flags: Flags, path: str | None, everywhere: bool, at: datetime
) -> list[Seen]:
    """The windows of a file, else of the cluster."""
    if path is not None:
        return [see(item, at) for item in manifests_of(path, flags)]
    async with connected(flags) as cluster:
        items = await cluster.windows(everywhere)
        if not items and not everywhere:
            await cluster.check_namespace()
        return [see(item, at) for item in items]


def valid(seen: Sequence[Seen]) -> list[Seen]:
    """Those that mean something; of the others it is told why not."""
    for each in seen:
        if each.error is not None:
            tell(f"warning: {each.name} is left out: {each.error}")
    return [each for each in seen if each.window is not None]
