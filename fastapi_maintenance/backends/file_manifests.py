"""From the texts of files to the windows that they hold. Nothing here reads a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fastapi_maintenance.windows import (
    InvalidWindow,
    Window,
    load_documents,
    parse_manifest,
    parse_plan,
)

_PLAN = re.compile(r'\s*\{.*"kind"\s*:\s*"MaintenancePlan"', re.DOTALL)


class Found(NamedTuple):
    """The windows of one file, or of a folder's files."""

    written: tuple[Window, ...]
    """Those that stand there as manifests."""
    planned: tuple[Window, ...]
    """Those of a plan, which the operator has worked out for a namespace."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """All of them."""
        return self.written + self.planned


def windows_of(texts: Mapping[str, str]) -> Found:
    """The windows of all files.

    Args:
        texts: what the files hold, by their names; a file on its own has an empty one.

    Raises:
        InvalidWindow: naming the first file and field that is wrong, or both places of a window
            that is there twice.
    """
    written: list[Window] = []
    planned: list[Window] = []
    places: dict[str, str] = {}
    for name, text in texts.items():
        is_plan = _PLAN.match(text) is not None
        for place, window in _planned(name, text) if is_plan else _written(name, text):
            _check_single(window, place, places)
            (planned if is_plan else written).append(window)
    return Found(tuple(written), tuple(planned))


def _written(name: str, text: str) -> Iterator[tuple[str, Window]]:
    if not text.strip():
        return
    try:
        documents = load_documents(text)
    except InvalidWindow as error:
        raise _in(name, error) from error
    for number, document in enumerate(documents, 1):
        place = _place(name, number, len(documents))
        try:
            if isinstance(document, str | bool | int | float):
                raise _no_manifest(name, document)
            yield place, parse_manifest(document)
        except InvalidWindow as error:
            raise _in(place, error) from error


def _no_manifest(name: str, word: object) -> InvalidWindow:
    fields = "fields (apiVersion, kind, metadata, spec)"
    mend = (
        f"write its {fields}; a word counts in a file that is followed by itself"
        if name
        else f"write on, off or read-only alone, or a manifest's {fields}"
    )
    return InvalidWindow("manifest", f"{word!r:.60} is no manifest", mend)


def _planned(name: str, text: str) -> Iterator[tuple[str, Window]]:
    try:
        windows = parse_plan(text)
    except InvalidWindow as error:
        raise _in(name, error) from error
    for number, window in enumerate(windows, 1):
        yield _place(name, number, len(windows)), window


def _place(name: str, number: int, most: int) -> str:
    """Where a window stands; a file with one alone says it by its name."""
    return ", ".join(filter(None, [name, f"window {number}" if most > 1 else ""]))


def _in(place: str, error: InvalidWindow) -> InvalidWindow:
    if not place:
        return error
    return InvalidWindow(f"{place}: {error.field}", error.problem, error.mend)


def _check_single(window: Window, place: str, places: dict[str, str]) -> None:
    before = places.setdefault(window.key, place)
    if before is not place:
        raise InvalidWindow(
            f"{place}: metadata.name",
            f"{window.key} stands in {before} already",
            "give each window a name of its own, or remove one",
        )
