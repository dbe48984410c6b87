"""Reading single fields of a manifest: each says what is wrong with a value, and the mend.

The formats are those of the CRD, so that a file is refused where the API server refuses it.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from .model import InvalidWindow

_AFTER_THE_YEAR = (
    r"-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
_TIME = re.compile(r"(19[7-9]|2\d\d)\d" + _AFTER_THE_YEAR, re.ASCII)
ANY_YEAR = re.compile(r"\d{4}" + _AFTER_THE_YEAR, re.ASCII)
"""What is computed, from an offset or a duration, may lie beyond the years of a manifest."""
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,7})s)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LONGEST_NAME = 63
LONGEST = timedelta(hours=9600)

_MOST_WRONG = 16
"""That are told: what is wrong throughout is not read to its end."""

P = ParamSpec("P")
T = TypeVar("T")


class Reading:
    """Reads parts one after the other, so that one that is wrong hides no other.

    What stands in the place of a wrong one is nothing: `end` comes before anything looks at it.
    """

    def __init__(self) -> None:
        self._wrong: list[InvalidWindow] = []

    def __call__(self, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a part says; where it is wrong, that is noted."""
        if len(self._wrong) >= _MOST_WRONG:
            return None  # type: ignore[return-value]
        try:
            return parse(*args, **kwargs)
        except InvalidWindow as error:
            self._wrong += error.all
            return None  # type: ignore[return-value]

    def end(self) -> None:
        """Raise InvalidWindow if anything was wrong: the first, with the others."""
        if self._wrong:
            first, *more = self._wrong[:_MOST_WRONG]
            first.more = tuple(more)
            raise first


def each(parse: Callable[[str, Any], T], items: Iterable[tuple[str, Any]]) -> tuple[T, ...]:
    """What the items of a list say, of which each has its path.

    Raises:
        InvalidWindow: some are wrong.
    """
    read = Reading()
    found = tuple(read(parse, *item) for item in items)
    read.end()
    return found


class Fields:
    """The fields of one object in a manifest, at a path such as ``spec.response``.

    A field that is null counts as absent, as the API server has it.
    """

    def __init__(self, path: str, value: object, known: tuple[str, ...]) -> None:
        if not isinstance(value, Mapping):
            raise InvalidWindow(path, f"{shown(value)} is not an object", "write its fields")
        self.path = path
        self._values = {name: item for name, item in value.items() if item is not None}
        read = Reading()
        for name in value:
            read(self._check_known, name, known)
        read.end()

    def _check_known(self, name: object, known: tuple[str, ...]) -> None:
        if name not in known:
            raise self.invalid(shown_name(name), "unknown field", nearest(name, known))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def invalid(self, name: str, problem: str, mend: str) -> InvalidWindow:
        """An error about one of the fields."""
        return InvalidWindow(f"{self.path}.{name}", problem, mend)

    def raw(self, name: str) -> Any:
        """The value as it stands; None where it is absent."""
        return self._values.get(name)

    def needed(self, name: str, mend: str) -> None:
        """Raise InvalidWindow where a field is absent."""
        if name not in self:
            raise self.invalid(name, "is missing", mend)

    def inner(self, name: str, known: tuple[str, ...]) -> Fields:
        """An object that has fields."""
        fields = Fields(f"{self.path}.{name}", self.raw(name), known)
        if not fields._values:
            mend = f"write {known[0]}, or leave {name} out"
            raise self.invalid(name, _emptiness(self.raw(name)), mend)
        return fields

    def text(self, name: str, longest: int = 253) -> str:
        """A string that is not empty, and that can be sent."""
        value = self.raw(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest or _SURROGATE.search(value):
            mend = f"write a quoted string of at most {longest} characters"
            raise self.invalid(name, missing_or(value, "is not such a string"), mend)
        return value

    def prose(self, name: str, longest: int) -> str:
        """A text for people, which a terminal can show as it is."""
        value = self.text(name, longest)
        if _CONTROL.search(value):
            mend = "remove them (line breaks and tabs may stay)"
            raise self.invalid(name, "holds control characters", mend)
        return value

    def name(self, name: str) -> str:
        """A name, without wildcards."""
        return check_name(f"{self.path}.{name}", self.raw(name))

    def flag(self, name: str) -> bool:
        """A boolean; absent is false."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            raise self.invalid(name, f"{shown(value)} is not a boolean", "write true or false")
        return bool(value)

    def number(self, name: str, lowest: int, highest: int) -> int:
        """A whole number within bounds; in JSON 503.0 is one too."""
        value = self.raw(name)
        whole = type(value) is int or (isinstance(value, float) and value.is_integer())
        if not whole or not lowest <= value <= highest:
            mend = f"write a whole number from {lowest} to {highest}"
            raise self.invalid(name, f"{shown(value)} is out of bounds", mend)
        return int(value)

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        """One of a few words."""
        return check_choice(f"{self.path}.{name}", self.raw(name), known)

    def instant(self, name: str, form: re.Pattern[str] = _TIME) -> datetime:
        """An RFC 3339 date-time, unless told otherwise of the years 1970 to 2999, in UTC."""
        value = self.raw(name)
        mend = "write it as 2026-03-29T02:00:00Z, or with an offset such as +02:00"
        if not isinstance(value, str) or not form.fullmatch(value):
            raise self.invalid(name, f"{shown(value)} is not a date-time", mend)
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError) as cause:
            raise self.invalid(name, f"{value!r}: {cause}", mend) from cause

    def duration(self, name: str, longest: timedelta = LONGEST) -> timedelta:
        """A duration in the form of the Gateway API (GEP-2257): hours, minutes, seconds."""
        value = self.raw(name)
        mend = "write hours, minutes, seconds in this order, as in 2h30m"
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise self.invalid(name, f"{shown(value)} is not a duration", mend)
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        total = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not timedelta() < total <= longest:
            most = longest // timedelta(hours=1)
            raise self.invalid(name, f"{value!r} is out of bounds", f"from 1s to {most}h")
        return total

    def items(self, name: str, most: int, mend: str = "") -> list[tuple[str, Any]]:
        """The items of a list that is not empty, each with its path.

        Args:
            name: of the field.
            most: so many there may be.
            mend: for what is no such list; of a field that may be left out there is one.
        """
        value = self.raw(name)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            mend = mend or f"write a list of 1 to {most} items, or leave the field out"
            raise self.invalid(name, f"{shown(value)} is not such a list", mend)
        return [(f"{self.path}.{name}[{number}]", item) for number, item in enumerate(value)]

    def objects(
        self, name: str, most: int, known: tuple[str, ...], parse: Callable[[Fields], T]
    ) -> tuple[T, ...]:
        """What the objects of a list say that is not empty."""
        return each(lambda path, item: parse(Fields(path, item, known)), self.items(name, most))


def check_name(path: str, value: object) -> str:
    """A name of an app or of what an app needs, without wildcards."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        mend = (
            "write at most 63 letters, digits, '-', '_' and '.', with a letter or digit at the ends"
        )
        raise InvalidWindow(path, missing_or(value, "is not a name"), mend)
    return value


def check_choice(path: str, value: object, known: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in known:
        raise InvalidWindow(path, f"{shown(value)} is unknown", nearest(value, known))
    return value


def nearest(name: object, known: tuple[str, ...]) -> str:
    """The mend for an unknown word: the known one that was meant, or all of them."""
    words = {word.casefold(): word for word in known}
    # Cut, since the comparison takes the product of both lengths.
    near = difflib.get_close_matches(str(name)[:_LONGEST_NAME].casefold(), words, n=1)
    return f"did you mean {words[near[0]]!r}?" if near else f"known here: {', '.join(known)}"


def missing_or(value: object, what: str) -> str:
    """What is wrong with the value of a field that is needed."""
    return "is missing" if value is None else f"{shown(value)} {what}"


def shown(value: object) -> str:
    """A value in an error message; bounded, since a few YAML anchors can stand for a great tree."""
    return _SHORT.repr(value)


def shown_name(name: object) -> str:
    """A word in an error message, without quotes if it is plain."""
    plain = isinstance(name, str) and name.isprintable() and len(name) <= _LONGEST_NAME
    return str(name) if plain else shown(name)


def _emptiness(value: Mapping[str, object]) -> str:
    names = " and ".join(value)
    return (
        f"is empty, since {names} {'is' if len(value) == 1 else 'are'} null"
        if names
        else "is empty"
    )


class _Short(reprlib.Repr):
    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        # The one of reprlib sorts the keys, however many there are.
        return super().repr_dict(x, level) if len(x) <= self.maxdict else f"{{{len(x)} fields}}"


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = 60
