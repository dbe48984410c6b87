"""A command line that was typed wrong is exit 2, and told with what may have been meant."""

from __future__ import annotations

import zoneinfo

import pytest
import typer

from fastapi_maintenance.cli import _zones
from fastapi_maintenance.cli._app import NAME, app
from tests.unit.commanded import call

VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

ON = ["orders", "--duration", "5m"]
WEEKLY = ["weekly", "orders", "--cron", "0 2 * * sun", "--duration", "2h", "--tz", "Europe/Berlin"]


def but(words: list[str], option: str, value: str) -> list[str]:
    """The same line, with another value of an option."""
    at = words.index(option) + 1
    return [*words[:at], value, *words[at + 1 :]]


MISTYPED: dict[str, list[list[str]]] = {
    "status": [["--output", "xml"], ["--backend", "redis"], ["--backend", "file"], ["a b"]],
    "wait": [[], ["x", "--for", "draind"], ["x", "--timeout", "5"], ["x", "--for"]],
    "processes": [["x", "y"], ["--remove"]],
    "explain": [[], ["x", "--at", "noon"], ["x", "--count", "many"], ["x", "--address", "10"]],
    "timeline": [["--days", "0"], ["x"]],
    "calendar": [["x"], ["--dayz", "3"]],
    "run": [
        ["orders", "--", "true"],
        ["orders", "--duration", "5", "--", "true"],
        ["--duration", "5m", "--", "true"],
        ["or ders", "--duration", "5m", "--", "true"],
        [*ON, "--timeout", "1x", "--", "true"],
        [*ON, "--on-failure", "stop", "--", "true"],
        [*ON, "--message", "\a", "--", "true"],
        [*ON, "true"],
        ON,
    ],
    "on": [
        ["orders"],
        ["--duration", "5m"],
        ["orders", "--duration", "5"],
        ["orders", "--duration", "0s"],
        [*ON, "--until-off"],
        [*ON, "--name", "Mine"],
        [*ON, "--wait", "draind"],
        [*ON, "--timeout", "soon"],
        [*ON, "--message", "a" * 1025],
        [*ON, "--description", "\a"],
        ["or ders", "--duration", "5m"],
        [*ON, "--as-groop", "x"],
    ],
    "off": [[], ["or/ders"]],
    "end": [[], ["a/b"], ["x", "y"], ["x", "--by", "5m"]],
    "extend": [["x"], ["x", "--by", "10"], ["--by", "10m"]],
    "postpone": [["x"], ["x", "--by", "10"]],
    "skip": [[], ["x", "--occurrence", "sunday"]],
    "suspend": [[], ["x", "y"]],
    "resume": [[], ["x", "y"]],
    "schedule": [
        [],
        WEEKLY[:-2],
        but(WEEKLY, "--tz", "Berlin"),
        but(WEEKLY, "--cron", "x"),
        but(WEEKLY, "--cron", "0 2 * *"),
        but(WEEKLY, "--cron", "61 2 * * *"),
        but(WEEKLY, "--cron", "0 0 31 4 *"),
        but(WEEKLY, "--duration", "2"),
        ["Weekly", *WEEKLY[1:]],
        [*WEEKLY, "--dry-run", "maybe"],
    ],
    "bypass": [[], ["x", "--link", "y"]],
    "crds": [["x"]],
    "rbac": [[], ["--for", "a:b:c"], ["--for", "x y"], ["--for", "x", "--job", "boss"]],
}


@pytest.mark.parametrize("verb", VERBS)
def test_whatever_is_mistyped_is_exit_2_without_a_cluster(verb: str) -> None:
    """And in few lines; another namespace is looked at too."""
    for words in [*MISTYPED[verb], ["-n", "shop/orders", *MISTYPED[verb][0]]]:
        said = call([verb, *words], code=2)
        assert said.out == "", words
        assert said.err.startswith("error: "), words
        assert len(said.err.splitlines()) in (2, 3), said.err


ORDERS = ["on", "orders"]


@pytest.mark.parametrize(
    ("words", "problem", "mend"),
    [
        (["drian"], "'drian' is no verb", "did you mean run?"),
        (["extnd", "x"], "'extnd' is no verb", "did you mean extend?"),
        (["list"], "'list' is no verb", "did you mean status?"),
        (["zzz"], "'zzz' is no verb", "see: fastapi-maintenance --help"),
        (["--foo"], "there is no option --foo", "see: fastapi-maintenance --help"),
        ([*ORDERS, "--duraton", "5m"], "there is no option --duraton", "did you mean --duration?"),
        ([*ORDERS, "--wait", "draind"], "--wait: 'draind' is unknown", "did you mean drained?"),
        ([*ORDERS, "--wait", "x"], "--wait: 'x' is unknown", "known here: enforced, drained"),
        (ORDERS, "say how long it lasts", "--duration 30m"),
        (["on", *ON, "--until-off"], "exclude each other", "--until-off"),
        ([*ORDERS, "--duration", "soon"], "--duration: 'soon' is not a duration", "2h30m"),
        ([*ORDERS, "--duration", "5"], "--duration: '5' is not a duration", "5m is minutes"),
        (["on", "or ders", *ON[1:]], "'or ders' is not an app name", "letters"),
        (["end"], "NAME is missing", "fastapi-maintenance end NAME"),
        (
            ["schedule", *WEEKLY[1:]],
            'APPS is missing: "orders" is taken as NAME',
            f"write it: {NAME} schedule orders APPS --cron '0 2 * * sun' --duration 2h",
        ),
        (
            ["schedule", *WEEKLY[2:], "orders"],
            'APPS is missing: "orders" is taken as NAME',
            f"{NAME} schedule --cron '0 2 * * sun' --duration 2h --tz Europe/Berlin orders APPS",
        ),
        (
            ["schedule", "--message", "orders", "orders"],
            'APPS is missing: "orders" is taken as NAME',
            f"write it: {NAME} schedule --message orders orders APPS",
        ),
        (
            ["run", *ON[1:], "--", "echo", "a b"],
            "APPS is missing",
            f"write it: {NAME} run APPS --duration 5m -- echo 'a b'",
        ),
        (["on", "orders,payments", *ON[1:]], "'orders,payments' is", "spaces: orders payments"),
        (["off", "orders,", "payments"], "'orders,' is", "spaces: orders payments"),
        (["timeline", "--days", "0"], "--days: 0 is too small", "write 1 to 366"),
        (["explain", "x", "--count", "-1"], "--count: -1 is too small", "write 0 to 1000"),
        ([*ORDERS, "--duration", "2d"], "'2d' is not a duration", "a day is 24h"),
        (["extend", "x", "--by", "-10m"], "--by: '-10m' is", "what is open now: end NAME"),
        (["extend", "x"], "--by is missing", "for example --by 30m"),
        (["skip", "x", "--occurrence", "x"], "--occurrence: 'x' is not a time", "2026-06-01T"),
        (["wait", "x", "--for"], "'--for' requires", "see: fastapi-maintenance wait --help"),
        (
            ["run", *ON, "alembic", "up"],
            "there is no command",
            "did you mean: fastapi-maintenance run orders --duration 5m -- alembic up",
        ),
        (["run", *ON, "alembic", "--sql"], "no option --sql", "behind two dashes: -- COMMAND…"),
        (["schedule", *but(WEEKLY, "--cron", "0")], "'0' is one field of five", "in quotes"),
        (["schedule", *but(WEEKLY, "--cron", "0 2 * *")], "'0 2 * *' has 4 fields", "write five"),
        (["schedule", *but(WEEKLY, "--tz", "Berlin")], "'Berlin'", "did you mean Europe/Berlin?"),
        (["rbac", "--for", "a:b:c"], "--for: 'a:b:c' is not a service account", "shop:orders"),
    ],
)
def test_what_was_typed_wrong_is_named_with_what_was_meant(
    words: list[str], problem: str, mend: str
) -> None:
    first, *more = call(words, code=2).err.splitlines()
    assert problem in first
    assert mend in " ".join(more)


def test_a_zone_that_was_left_out_is_that_of_this_machine() -> None:
    said = call(["schedule", *WEEKLY[:-2]], code=2, TZ="Europe/Vienna")
    assert "error: --tz is missing\n  for example --tz Europe/Vienna," in said.err


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("berlin", ["Europe/Berlin"]),
        ("New York", ["America/New_York"]),
        ("europe/berln", ["Europe/Berlin"]),
        ("Viena", ["Europe/Vienna"]),
        ("CEST", []),
        ("UTC+02:00", []),
        ("nonsense", []),
        ("Local", []),
    ],
)
def test_a_zone_is_found_by_its_city_or_a_slip_and_never_by_what_is_another_time(
    typed: str, near: list[str]
) -> None:
    found = _zones.near_zones(typed)
    assert found[:1] == near
    assert set(found) <= zoneinfo.available_timezones()
