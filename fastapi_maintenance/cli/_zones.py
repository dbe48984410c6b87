"""Time zones that people write: the one that was meant, and the one of this machine."""

from __future__ import annotations

import difflib
import os
import re
import zoneinfo
from pathlib import Path

from fastapi_maintenance.windows import InvalidWindow
from fastapi_maintenance.windows.zones import is_zone, zone

from ._failures import Mistyped

_LOCALTIME = Path("/etc/localtime")
_FOLDER = "zoneinfo/"
_LONGEST, _ABBREVIATION, _MOST = 63, 4, 3
_OFFSET = re.compile(r"[+-]\d")
_UNKNOWN = "name a place, as Europe/Berlin, which knows its summer time; or Etc/UTC"


def check_zone(name: str, option: str) -> None:
    """Whether windows can be told in it.

    Raises:
        Mistyped: with names that are near.
    """
    try:
        zone(name)
    except InvalidWindow as error:
        near = " or ".join(near_zones(name))
        mend = f"did you mean {near}?" if near else _UNKNOWN
        raise Mistyped(f"{option}: {error.problem}", mend) from error


def near_zones(name: str) -> list[str]:
    """At most three names, the likeliest first: by the city alone, or by a slip.

    None for an abbreviation or an offset: what looks like one, as EST and CEST do, is another time.
    """
    typed = name.strip().replace(" ", "_").casefold()[:_LONGEST]
    known = {each.casefold(): each for each in sorted(zoneinfo.available_timezones())}
    found = [low for low in known if low == typed or low.endswith(f"/{typed}")]
    if not found and len(typed) > _ABBREVIATION and not _OFFSET.search(typed):
        found = _slips(typed, list(known))
    return [known[low] for low in found if is_zone(known[low])][:_MOST]


def _slips(typed: str, known: list[str]) -> list[str]:
    """Whole names if one was typed, else names whose city is near."""
    if "/" in typed:
        return difflib.get_close_matches(typed, known, n=_MOST, cutoff=0.75)
    cities = {low.rpartition("/")[2]: low for low in known}
    return [cities[c] for c in difflib.get_close_matches(typed, cities, n=_MOST, cutoff=0.8)]


def zone_here() -> str | None:
    """That of this machine, if it has one by name."""
    named = os.environ.get("TZ", "").removeprefix(":")
    linked = os.fspath(_LOCALTIME.resolve()).partition(_FOLDER)[2]
    return next((each for each in (named, linked) if each and is_zone(each)), None)
