"""When the clocks of a zone jump."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise

import pytest

from fastapi_maintenance.windows import zones
from fastapi_maintenance.windows.zones import instant_of, seconds_of, stretch
from tests.unit.making import at


def jumps(zone: str, begin: str, until: str) -> list[tuple[str, float]]:
    """The instants at which the clocks jump, and by how many hours."""
    here = seconds_of(at(begin))
    found = []
    while here < seconds_of(at(until)):
        part = stretch(zone, here)
        if part.begin >= seconds_of(at(begin)) and part.offset != part.before:
            when = instant_of(part.begin)
            found.append((f"{when:%Y-%m-%dT%H:%M:%SZ}", (part.offset - part.before) / 3600))
        here = part.end
    return found


@pytest.mark.parametrize(
    ("zone", "year", "expected"),
    [
        ("Etc/UTC", 2026, []),
        ("Europe/Berlin", 2026, [("2026-03-29T01:00:00Z", 1), ("2026-10-25T01:00:00Z", -1)]),
        (
            "Australia/Lord_Howe",
            2026,
            [("2026-04-04T15:00:00Z", -0.5), ("2026-10-03T15:30:00Z", 0.5)],
        ),
        ("Asia/Kathmandu", 1986, [("1985-12-31T18:30:00Z", 0.25)]),
        ("Pacific/Kwajalein", 1993, [("1993-08-21T12:00:00Z", 24)]),
        # Where days were repeated, and seconds of an offset given up.
        ("Pacific/Kwajalein", 1969, [("1969-09-30T13:00:00Z", -23)]),
        ("Africa/Monrovia", 1972, [("1972-01-07T00:44:30Z", 2670 / 3600)]),
    ],
)
def test_the_clocks_jump_when_the_database_says(
    zone: str, year: int, expected: list[tuple[str, float]]
) -> None:
    assert jumps(zone, f"{year - 1}-12-31T00:00Z", f"{year + 1}-01-01T00:00Z") == expected


def test_samoa_had_no_30_december_2011() -> None:
    found = jumps("Pacific/Apia", "2011-10-01T00:00Z", "2012-01-01T00:00Z")
    assert found == [("2011-12-30T10:00:00Z", 24)]


def changes(name: str) -> list[int]:
    """When the offset of a zone changes, as its file says (TZif, RFC 9636): POSIX seconds."""
    data = (files("tzdata") / "zoneinfo" / name).read_bytes()
    old = struct.unpack(">6l", data[20:44])  # a block for those who know 32 bits only
    begin = 44 + old[3] * 5 + old[4] * 6 + old[5] + old[2] * 8 + old[1] + old[0]
    _, _, _, times, types, _ = struct.unpack(">6l", data[begin + 20 : begin + 44])
    begin += 44
    instants = struct.unpack(f">{times}q", data[begin : begin + 8 * times])
    kinds = data[begin + 8 * times : begin + 9 * times]
    begin += 9 * times
    offsets = [
        struct.unpack(">l", data[begin + 6 * n : begin + 6 * n + 4])[0] for n in range(types)
    ]
    seen = [(instant, offsets[kind]) for instant, kind in zip(instants, kinds, strict=True)]
    return [instant for (_, before), (instant, after) in pairwise(seen) if before != after]


def test_no_two_jumps_of_any_zone_are_so_near_that_looks_could_miss_them() -> None:
    """Two that undo each other between two looks would not be seen."""
    names = (files("tzdata") / "zones").read_text().split()
    least = min(b - a for name in names for a, b in pairwise(changes(name)))
    assert len(names) > 400
    assert least > 3 * zones._STRIDE


@pytest.mark.parametrize("name", ["America/Recife", "America/Boa_Vista", "America/Noronha"])
def test_jumps_that_follow_each_other_within_weeks_are_all_seen(name: str) -> None:
    # The system's database and the package's agree upon these years.
    begin, until = at("1990-01-01T00:00Z"), at("2007-01-01T00:00Z")
    posix = range(int(begin.timestamp()), int(until.timestamp()))
    expected = [datetime.fromtimestamp(n, UTC) for n in changes(name) if n in posix]
    assert expected
    found = jumps(name, begin.isoformat(), until.isoformat())
    assert [at(when) for when, _ in found] == expected


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
@pytest.mark.parametrize("instant", ["0001-01-01T00:00Z", "9999-12-31T23:59:59Z"])
def test_the_first_and_the_last_instant_have_a_stretch(name: str, instant: str) -> None:
    here = seconds_of(at(instant))
    part = stretch(name, here)
    assert part.begin <= here < part.end
