"""The API server accepts a schedule exactly when cronsim, which the applications use, does.

What cronsim alone accepts stands in `STRICTER`, each with its reason: applications refuse it as the
API server does. The other way round, there is nothing: a schedule that is stored can be followed.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from fastapi_maintenance.windows import InvalidWindow, parse_manifest

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

WRITTEN = """
* * * * * | 0 2 * * 6 | */15 * * * * | 0,30 8-18/2 * * MON-FRI | 5/10 * * * * | 5-5/10 * * * *
00 02 01 01 00 | 59 23 31 12 7 | 0 0 L * * | 0 0 LW * * | 0 0 l,15 * * | 0 0 L/2 * * | 0 0 LW,1 2 *
0 0 * * 5L | 0 0 * * 05l | 0 0 * * 5L,FRI#2 | 0 0 * * MON#1 | 0 0 * * sun#05 | 0 0 * * 7#5
0 0 * JAN,mar-Jun/2 * | 0 0 * JAN-3 * | 0 0 * 1-MAR * | 0 0 * */5 * | 0 0 1 */13 * | */999 * * * *
0 0 * * 5-7 | 0 0 * * SUN-SAT | 0 0 * * SAT-7 | 0 0 * * 0-SAT/3 | 0 0 1,1,1 * * | 0 0 1-31/30 2 *
0 0 29 2 * | 0 0 30 1-2 * | 0 0 31 2-3 * | 0 0 30,31 4 * | 0 0 30 2 MON | 0 0 31 2 1-7 | 0 0 L 2 *
0 0 30 2/10 * | 0 0 31 2/2 * | 0 0 31 2-4/1 * | 0 0 31 2-2/5 * | 0 0 31 9/3 * | 0 0 */30 2 *
0 0 30 2 * | 0 0 31 FEB,4,Jun-6,9/2,11 * | 0 0 30-31 2-3/2 * | 0 0 31 */20 */2 | 0 0 31/2 2/11 *,1
0 0 31 4/7 * | 0 0 30 02 * | 0 0 31,30 2/11 * | 0 0 31 2-12/9 * | 0 0 30/5 FEB/12 */7 | 0 0 30 2 *#2
60 * * * * | * 24 * * * | * * 0 * * | * * 32 * * | * * * 0 * | * * * 13 * | * * * * 8 | -1 * * * *
*/0 * * * * | */00 * * * * | 1/ * * * * | /2 * * * * | */2/3 * * * * | 1-2-3 * * * * | *-5 * * * *
5- * * * * | -5 * * * * | 1,,2 * * * * | ,1 * * * * | 1, * * * * | 5-1 * * * * | 0 23-0 * * *
0 0 * * FRI-SUN | 0 0 * DEC-JAN * | 0 0 * * 7-0 | 0 0 * * SAT-0 | 0 0 31-1/2 * * | 0 0 1-2,9-8 * *
0 0 ? * * | 0 0 15W * * | 0 0 L-3 * * | 0 0 1-L * * | 0 0 WL * * | L * * * * | 0 0 * L * | 0 0 * * L
0 0 * * FRIL | 0 0 * * 8L | 0 0 * * 5L/2 | 0 0 * * L5 | 0 0 * * 1-5L | 0 0 * * MON#0 | 0 0 * * MON#6
0 0 * * MON# | 0 0 * * #1 | 0 0 * * MON#1#2 | 0 0 * * MON-TUE#1 | 0 0 * * MON#1/2 | 0 0 * * *#1
0 0 * MON * | 0 0 * * JAN | JAN 0 * * * | 0 0 * MARCH * | 0 0 * * MOND | 0 0 * * MO | 0 0 FEB * *
@daily | @reboot | H 2 * * * | 0 0 0 0 | 0 2 * * 6 2026 | 0 0 2 * * 6 | TZ=UTC 0 2 * * 6
CRON_TZ=UTC 0 2 * * * | 0x1 * * * * | 1e1 * * * * | +1 * * * * | 1.5 * * * * | 0 2 * * "6"
0;2 * * * | 0 2 * * 6; ls | % * * * * | $(id) * * * * | {{x}} * * * *
0 0 */31 * MON#2 | 0 0 */10 * 4L
"""

SPACED = ["", " ", "  0  2 * *\t6 ", "0 2 * * 6\n", "\n0\r\n2\f* * 6", "0 2\n* * *\n0 2 * * *"]

STRICTER = {
    "000 2 * * *": "numbers have at most two digits",
    "0 2 * JAN/001 *": "numbers have at most two digits",
    "*/1000 * * * *": "a step of four digits is longer than any field, and so a slip",
    "0\u00a02 * *\u2003*": "fields are parted by what regular expressions call white space",
    "0\x0b2 * *\x1c*": "fields are parted by what regular expressions call white space",
    "0 2 * * \u017fun": "letters are those of ASCII, whatever they turn to in upper case",
    "0 2 * * fr\u0131": "letters are those of ASCII, whatever they turn to in upper case",
    ",".join(map(str, range(60))) + " 2 * * *": "at most 128 characters: */1 and * are shorter",
}

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIELDS = [(0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, DAYS)]


def number(dice: random.Random, field: int) -> str:
    """A value of the field, sometimes by name, sometimes just outside."""
    lowest, highest, names = FIELDS[field]
    if names and dice.random() < 0.4:
        return dice.choice(names)
    wide = dice.random() < 0.05
    return f"{dice.randint(lowest - wide, highest + wide):0{dice.choice([1, 2])}d}"


def element(dice: random.Random, field: int) -> str:
    """A part of a list: wildcard, value, range or a letter of its field, perhaps with a step."""
    values = number(dice, field), number(dice, field)
    letters = {2: ["L", "LW", "15W"], 4: [f"{values[0]}L", f"{values[0]}#{dice.randint(0, 6)}"]}
    plain = ["*", values[0], "-".join(values), *letters.get(field, [])]
    step = dice.choice(["", "", "", "/2", "/7", "/11", "/30", "/0", "/"])
    return dice.choice(plain) + step


def expression(dice: random.Random) -> str:
    """A cron expression that is nearly right."""
    lists = [",".join(element(dice, n) for _ in range(dice.choice([1, 1, 2]))) for n in range(5)]
    fields = ["*" if dice.random() < 0.6 else text for text in lists]
    text = " ".join(fields)
    if dice.random() < 0.1:
        cut = dice.randrange(len(text))
        return text[:cut] + dice.choice(" ,-/*#L0A") + text[cut + 1 :]
    return text


def rare_day(dice: random.Random) -> str:
    """A day that not every month has, in months that may or may not have it."""
    day = dice.choice(["30", "31", "30-31", "31/2", "31,30", "29,31"])
    return f"0 0 {day} {element(dice, 3)} {dice.choice(['*', '*', '*/2', 'MON'])}"


def corpus() -> list[str]:
    """The same few hundred expressions in every run, each once."""
    dice = random.Random(2026)
    written = [text.strip() for line in WRITTEN.splitlines() for text in line.split("|")]
    drawn = [expression(dice) for _ in range(250)] + [rare_day(dice) for _ in range(150)]
    return list(dict.fromkeys([*filter(None, written), *SPACED, *drawn]))


def cronsim_accepts(schedule: str) -> bool:
    """As five fields; cronsim takes six too, the first one for seconds."""
    try:
        CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return len(schedule.split()) == 5


def understood(schedule: str) -> bool:
    """Whether an application takes a manifest with it."""
    with contextlib.suppress(InvalidWindow):
        return bool(parse_manifest(json.loads(manifest(0, schedule))))
    return False


def accepted_by_the_api_server(kubectl: Kubectl, schedules: Iterable[str]) -> set[str]:
    """Those that can be stored, asked by one kubectl."""
    asked = list(schedules)
    stream = "\n---\n".join(manifest(n, schedule) for n, schedule in enumerate(asked))
    made = kubectl("create", "--dry-run=server", "-o", "name", "-f", "-", input=stream, check=False)
    refused = re.findall(r'"s(\d+)" is invalid: .*spec\.schedule: ', made.stderr)
    accepted = re.findall(r"/s(\d+)$", made.stdout, re.MULTILINE)
    assert sorted(map(int, accepted + refused)) == list(range(len(asked))), made.stderr
    assert "evaluating rule" not in made.stderr, "a rule failed instead of answering"
    return {asked[int(n)] for n in accepted}


def manifest(n: int, schedule: str) -> str:
    """A window that differs from others by its schedule alone."""
    spec = {"apps": ["*"], "schedule": schedule, "duration": "1h", "timeZone": "Etc/UTC"}
    kind = {"apiVersion": "fastapi-maintenance.io/v1alpha1", "kind": "MaintenanceWindow"}
    return json.dumps({**kind, "metadata": {"name": f"s{n}"}, "spec": spec})


def test_the_api_server_reads_schedules_as_cronsim_does(kubectl: Kubectl) -> None:
    """Some hundred expressions: right, nearly right, wrong and hostile."""
    schedules = corpus()
    assert [s for s in schedules if understood(s) != cronsim_accepts(s) and s] == []
    right = {schedule for schedule in schedules if cronsim_accepts(schedule)}
    assert len(right) > 150
    assert len(schedules) - len(right) > 150
    assert accepted_by_the_api_server(kubectl, schedules) ^ right == set()


def test_the_api_server_is_stricter_in_a_few_named_things(kubectl: Kubectl) -> None:
    """What cronsim takes and the CRD does not; should one of them end, its line goes."""
    assert [schedule for schedule in STRICTER if not cronsim_accepts(schedule)] == []
    assert [schedule for schedule in STRICTER if understood(schedule)] == []
    assert accepted_by_the_api_server(kubectl, STRICTER) == set()


def test_a_number_that_python_refuses_to_read_is_never_stored(kubectl: Kubectl) -> None:
    """Thousands of digits are too many for int(), which raises another error than cronsim's."""
    many = ["1" * 5000 + " 2 * * *", "*/" + "9" * 5000 + " 2 * * *"]
    assert accepted_by_the_api_server(kubectl, many) == set()
