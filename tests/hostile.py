# ruff: noqa: E501, RUF001
"""Values that have broken parsers, and values just within and just beyond what fields take."""

from __future__ import annotations

from typing import Any

SUM = "c6b7f6bf0e1b1a1a7e4d1c0d6f7be3e8f2f7d7f5b5b6a1a5cbf19e86ae4a6b7d"
SUM_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _deep(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 503, 503.0, 0.5, 1e300, -1e-300, 2**31, 2**63, 2**64, 10**40,
    "", " ", "\n", "\x00", "\x7f", "\x85", "\u2028", "\u200b", "\ufeff", "\u202e", "\U0001f600",
    "é", "e\u0301", "\ud800", "\udfff", "ſ", "ı", "٢", "Ⅷ", "null", "true", "~", "yes", "{{ x }}",
    "$(id)", "'; --", "../../etc/passwd", "%s%n", "x" * 300, "ü" * 1100, "9" * 5000, "*" * 253,
    [], {}, [None], [[]], [{}], {"": None}, {"a": {}}, {"<<": {"a": 1}}, {"$ref": "#"}, _deep(5),
    _deep(90), ["x"] * 1000, {f"k{n}": n for n in range(1000)}, [{"name": "x", "value": "y"}],
    {"paths": ["/"]}, {"message": "x"}, ["*"], ["/"], "/", "*", "a\r\nb", "\x1b[31m",
]  # fmt: skip

TIMES = [
    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+23:59",
    "2999-12-31T23:59:59.999999-23:59", "3000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z", "2026-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2026-06-31T00:00:00Z",
    "2026-06-01T24:00:00Z", "2026-06-01T23:60:00Z", "2026-06-30T23:59:60Z", "2026-06-01t22:00:00z",
    "2026-06-01T22:00:00", "2026-06-01 22:00:00Z", "2026-06-01T22:00Z", "2026-06-01",
    "2026-06-01T22:00:00.1Z", "2026-06-01T22:00:00.1234567Z", "2026-06-01T22:00:00,5Z",
    "2026-06-01T22:00:00+01:60", "2026-06-01T22:00:00+24:00", "2026-06-01T22:00:00-00:00",
    "2026-06-01T22:00:00+0200", "2026-06-01T22:00:00+02", "2026-06-01T22:00:00+02:00:00",
    "2026-W23-1T22:00:00Z", "2026-152T22:00:00Z", "+2026-06-01T22:00:00Z", "2026-6-1T22:00:00Z",
    "2026-06-01T22:00:00Z\n", " 2026-06-01T22:00:00Z", "٢٠٢٦-06-01T22:00:00Z", "now", 1780351200,
]  # fmt: skip

DURATIONS = [
    "1s", "0s", "0h0m0s", "9600h", "9600h1s", "9601h", "720h", "720h1s", "576000m", "34560000s",
    "99999m", "9999999s", "00001h", "0001h", "1h0m", "90m30s", "2h30m", "1d", "1w", "30m2h",
    "1.5h", "-1h", "+1h", "1H", "1 h", "1h 30m", "PT1H", "1us", "1ms", "h", "1", "1h1h",
    "1h\n", "٢h", "1" * 21 + "s", 3600,
]  # fmt: skip

ZONES = [
    "Europe/Berlin", "Etc/UTC", "UTC", "GMT", "EST5EDT", "Etc/GMT+12", "America/Argentina/Ushuaia",
    "Pacific/Apia", "Asia/Kathmandu", "europe/berlin", "Europe/berlin", "Berlin", "Mars/Base",
    "Local", "localtime", "posixrules", "Factory", "posix/UTC", "right/UTC", "posix/Europe/Berlin",
    "../Europe/Berlin", "/etc/localtime", "Europe/../UTC", "Europe/Berlin\n", " UTC", "UTC ", "",
    "+02:00", "UTC+2", "Z", "zone.tab", "tzdata.zi", "leapseconds", "Europe", "Europe/", "US",
    "US/Pacific-New", "CET", "Asia/Hanoi", "America/Coyhaique", "Europe/Kyiv", "SystemV/EST5",
    "A" * 64, "A" * 65, "a\x00b",
]  # fmt: skip

SCHEDULES = [
    "0 2 * * 6", "* * * * *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 29 2 *", "0 0 L * *",
    "0 0 LW * *", "0 0 * * 5L", "0 0 * * MON#5", "0 0 * * MON#6", "0 0 ? * *", "@daily", "@reboot",
    "0 2 * * 6 2026", "0 0 2 * * 6", "TZ=UTC 0 2 * * 6", "60 * * * *", "* 24 * * *", "*/0 * * * *",
    "*/1000 * * * *", "*/999 * * * *", "*/0999 * * * *", "*/001 * * * *", "000 2 * * *", "00 2 * * *",
    "5-1 * * * *", "0 22-5 * * *", "0 0 * DEC-JAN *", "0 0 * * FRI-SUN", "0 0 * * SUN-SAT",
    "1,,2 * * * *", "1- * * * *", "-1 * * * *", "*-5 * * * *", "1/2/3 * * * *", "0 0 15W * *",
    "0 2 * *\x0b6", "0 2 * *\x1c6", "0 2 * *\u00a06", "0\t2\n*\r*\f6", " 0 2 * * 6 ", "0 2 * * ſun",
    "0 2 * * fr\u0131", "0 0 1-31/30 2 *", "0 0 30/5 FEB/12 */7", "0 0 30 2 *#2", "0 0 31 */20 */2",
    "9" * 40 + " * * * *", ",".join(map(str, range(60))) + " * * * *", "H 2 * * *", "0 2 * * \x00",
    "0 0 1 1 *" + " " * 119, "0 0 1 1 *" + " " * 120, "1e1 * * * *", "0x1 * * * *", "٢ * * * *",
    "0 0 * JAN/001 *", "0 0 * jan-MAR/2 *", "0 0 */31 * MON#2", "0 0 31 2-12/9 *", 5, "* * * * * ",
]  # fmt: skip

NETWORKS = [
    "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1",
    "10.0.0.0/255.0.0.0", "010.0.0.0/8", "10.0.0/8", "10/8", "0.0.0.0/0", "255.255.255.255/32",
    "::/0", "::1/128", "::1/64", "2001:db8::/32", "2001:DB8::/32", "2001:db8::1/32", "fe80::%1/64",
    "::ffff:10.0.0.0/104", "::ffff:0:0/96", "::fffe:0:0/95", "::10.0.0.0/104", "1:2:3:4:5:6:7::/112",
    "1::2::3/64", "12345::/16", "::/129", "0000:0000:0000:0000:0000:0000:255.255.255.255/128",
    "::ffff:0:0/95", "[::]/0", "localhost/8", "10.0.0.0/8 ", "10.0.0.0/8,11.0.0.0/8", "１0.0.0.0/8",
    "10.0.0.0/8\n", "::/00", "::0/1", "8000::/1", "1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7:8::/128",
    "::1:2:3:4:5:6:7/128", ":1::/64", "1:2:3:4:5:6:7:/128", "::ffff:a00:0/104", 10,
]  # fmt: skip

PATHS = ["/", "*", "/api/*", "a", "", " /a", "/a b", "/ü", "/\n", "/\x7f", "/\x85", "/" * 253, "/" * 254, "**"]  # fmt: skip
NAMES = ["a", "A.b_c-d", "-a", "a-", ".", "a*", "*", "**", "a" * 63, "a" * 64, "ä", "a b", "a\n"]
TEXTS = [
    "x",
    "",
    "x" * 63,
    "x" * 64,
    "x" * 253,
    "x" * 254,
    "x" * 256,
    "x" * 257,
    "\n",
    "\t",
    "\x08",
]
SUMS = [SUM, SUM.upper(), SUM_OF_NOTHING, SUM_OF_NOTHING.upper(), SUM[:-1], SUM + "0", "g" * 64]
NUMBERS = [0, 1, -1, 399, 400, 599, 600, 503.0, 503.5, 31_536_000, 31_536_001, 2**31, "503", True]
WORDS = ["Full", "ReadOnly", "full", "Readonly", "Off", "", None]
VERBS = ["GET", "get", "POST", "WEBSOCKET", "BREW", "CONNECT", "GET ", "", 1]
HEADERS = [
    "X-A",
    "Retry-After",
    "retry-after",
    "x-maintenance-bypass",
    "Vary",
    "X A",
    "",
    "Ü",
    "X:",
]

INTERESTING: dict[Any, list[Any]] = {
    **dict.fromkeys(("start", "end", "occurrence", "endedAt"), TIMES),
    **dict.fromkeys(("duration", "announceBefore"), DURATIONS),
    **dict.fromkeys(("statusCode", "retryAfterSeconds", "ttlSecondsAfterFinished"), NUMBERS),
    **{name: [True, False, "yes", 0, 1, None] for name in ("suspend", "skip")},
    "schedule": SCHEDULES,
    "timeZone": ZONES,
    "mode": WORDS,
    "name": [*NAMES, *HEADERS],
    "value": ["a", "a b", " a", "a ", "", "ü", "\t", "x" * 512, "x" * 513],
    "sha256": SUMS,
    "message": [*TEXTS, "x" * 1024, "x" * 1025, "ü" * 1024],
    "description": [*TEXTS, "x" * 1024, "x" * 1025],
    "reason": TEXTS,
    "apps": [[name] for name in NAMES],
    "dependencies": [[name] for name in NAMES],
    "methods": [[verb] for verb in VERBS] + [["GET", "HEAD", "OPTIONS"], ["GET", "TRACE"]],
    "paths": [[path] for path in PATHS],
    "cidrs": [[network] for network in NETWORKS],
    # The first item of whichever list it is.
    0: [*NETWORKS, *PATHS, *NAMES, *VERBS, {"start": TIMES[1], "end": TIMES[3]}, {"skip": True}],
    1: [*NETWORKS, *PATHS, *NAMES, *VERBS],
}  # fmt: skip
