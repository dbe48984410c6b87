"""What a YAML scalar without quotes stands for, as kubectl reads it.

Its library (sigs.k8s.io/yaml) follows YAML 1.1 in words and numbers (``yes`` and ``on`` are true,
``017`` is octal) and not in times: ``2:30`` and ``2026-06-01`` stay the strings that were written.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_TAGS = {int: "int", float: "float", bool: "bool", type(None): "null"}
_NO_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9A-Fa-f]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES = (16, 8, 2, 10)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_MOST_DIGITS = 64
"""Those of 64 bits; more than some thousand are too many for int()."""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar.

    Raises:
        ValueError: it is a number that JSON lacks: ``.inf`` or ``.nan``.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NO_JSON.fullmatch(text):
        raise ValueError(f"{text} is not a number in JSON")
    plain = text if text[0] == "." else text.replace("_", "")
    for number in (_integer(plain), _float(plain)):
        if number is not None:
            return number
    return text


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with one of YAML's own tags, such as ``!!int``.

    Raises:
        ValueError: it is no such value.
    """
    value = resolve(text)
    if tag == "float" and type(value) is int:
        return float(value)
    if _TAGS.get(type(value)) != tag:
        raise ValueError(f"{text[:60]!r} is no {tag}")
    return value


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > _MOST_DIGITS + len("-0b"):
        return None
    sign, *by_base = match.groups()
    ((digits, base),) = ((d, base) for d, base in zip(by_base, _BASES, strict=True) if d)
    number = int(sign + digits, base)
    return number if -(2**63) <= number < 2**64 else None


def _float(text: str) -> float | None:
    """Nothing where it is too large, as for 1e400."""
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None
