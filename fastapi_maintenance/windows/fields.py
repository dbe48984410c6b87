"""Reading single fields of a manifest: each says what is wrong with a value, and the mend.

The formats are those of the CRD, so that a file is refused where the API server refuses it.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .model import InvalidWindow

_AFTER_THE_YEAR = r"-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"
_TIME = re.compile(r"(19[7-9]|2\d\d)\d" + _AFTER_THE_YEAR, re.ASCII)
ANY_YEAR = re.compile(r"\d{4}" + _AFTER_THE_YEAR, re.ASCII)
"""What is computed, from an offset or a duration, may lie beyond the years of a manifest."""
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,7})s)?", re.ASCII)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
LONGEST = timedelta(hours=9600)


class Fields:
    """The fields of one object in a manifest, at a path such as ``spec.response``."""

    def __init__(self, path: str, value: object, known: tuple[str, ...]) -> None:
        if not isinstance(value, Mapping):
            raise InvalidWindow(path, f"{_shown(value)} is not an object", "write its fields")
        self.path = path
        self._values: Mapping[str, Any] = value
        for name in value:
            if name not in known:
                raise InvalidWindow(f"{path}.{name}", "unknown field", _nearest(str(name), known))

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def invalid(self, name: str, problem: str, mend: str) -> InvalidWindow:
        """An error about one of the fields."""
        return InvalidWindow(f"{self.path}.{name}", problem, mend)

    def raw(self, name: str) -> Any:
        """The value as it stands; None where it is absent."""
        return self._values.get(name)

    def text(self, name: str, longest: int = 253) -> str:
        """A string that is not empty, and that can be sent."""
        value = self.raw(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest or _SURROGATE.search(value):
            mend = f"write a quoted string of at most {longest} characters"
            raise self.invalid(name, f"{_shown(value)} is not such a string", mend)
        return value

    def flag(self, name: str) -> bool:
        """A boolean; absent is false."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            raise self.invalid(name, f"{_shown(value)} is not a boolean", "write true or false")
        return bool(value)

    def number(self, name: str, lowest: int, highest: int) -> int:
        """A whole number within bounds."""
        value = self.raw(name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not lowest <= value <= highest:
            mend = f"write a whole number from {lowest} to {highest}"
            raise self.invalid(name, f"{_shown(value)} is out of bounds", mend)
        return int(value)

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.raw(name)
        if value not in known:
            raise self.invalid(name, f"{_shown(value)} is unknown", _nearest(str(value), known))
        return str(value)

    def instant(self, name: str, form: re.Pattern[str] = _TIME) -> datetime:
        """An RFC 3339 date-time, unless told otherwise of the years 1970 to 2999, in UTC."""
        value = self.raw(name)
        mend = "write it as 2026-03-29T02:00:00Z, or with an offset such as +02:00"
        if not isinstance(value, str) or not form.fullmatch(value):
            raise self.invalid(name, f"{_shown(value)} is not a date-time", mend)
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError) as cause:
            raise self.invalid(name, f"{value!r}: {cause}", mend) from cause

    def duration(self, name: str) -> timedelta:
        """A duration in the form of the Gateway API (GEP-2257): hours, minutes, seconds."""
        value = self.raw(name)
        mend = "write hours, minutes, seconds in this order, as in 2h30m"
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise self.invalid(name, f"{_shown(value)} is not a duration", mend)
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        total = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not timedelta() < total <= LONGEST:
            raise self.invalid(name, f"{value!r} is out of bounds", "from 1s to 9600h")
        return total

    def items(self, name: str, most: int) -> list[Any]:
        """A list that is not empty."""
        value = self.raw(name)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            mend = f"write a list of 1 to {most} items, or leave the field out"
            raise self.invalid(name, f"{_shown(value)} is not such a list", mend)
        return value


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"


def _shown(value: object) -> str:
    """A value in an error message; bounded, since a few YAML anchors can stand for a great tree."""
    return _SHORT.repr(value)
