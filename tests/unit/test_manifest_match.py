"""The parts of a manifest that say whom a window concerns, and who still gets through."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import ip_network
from typing import Any

import pytest

from fastapi_maintenance.windows import InvalidWindow, Match, parse_manifest
from tests.unit.making import manifest, parsed

SUM = sha256(b"a token").hexdigest()


def test_a_window_may_be_for_some_requests() -> None:
    match = {
        "paths": ["/orders/*", "*.csv"],
        "methods": ["POST", "WEBSOCKET"],
        "dependencies": ["orders-db", "Search_2.eu"],
    }
    assert parsed(match=match).match == Match(
        ("/orders/*", "*.csv"), ("POST", "WEBSOCKET"), ("orders-db", "Search_2.eu")
    )


def test_some_requests_may_pass() -> None:
    """Sums are kept in lower case, since tokens' are compared with them as text."""
    allow = {
        "paths": ["/status"],
        "cidrs": ["10.0.0.0/8", "192.0.2.7/32", "2001:DB8::/32", "0.0.0.0/0"],
        "tokens": [{"name": "anna", "sha256": SUM.upper()}],
    }
    found = parsed(allow=allow).allow
    assert found.paths == ("/status",)
    assert found.networks == tuple(
        map(ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "0.0.0.0/0"))
    )
    assert found.token_hashes == (SUM,)


@pytest.mark.parametrize(
    ("spec", "field", "problem", "mend"),
    [
        ({"match": {}}, "match", "is empty", "write paths, or leave match out"),
        ({"match": {"paths": None}}, "match", "is empty", "leave match out"),
        ({"allow": {}}, "allow", "is empty", "write paths, or leave allow out"),
        ({"match": ["/a"]}, "match", "is not an object", "write its fields"),
        ({"match": {"path": ["/a"]}}, "match.path", "unknown field", "did you mean 'paths'?"),
        ({"match": {"paths": "/a"}}, "match.paths", "'/a' is not such a list", "1 to 64 items"),
        ({"match": {"paths": []}}, "match.paths", "[] is not such a list", "1 to 64 items"),
        ({"match": {"paths": ["/"] * 65}}, "match.paths", "is not such a list", "1 to 64 items"),
        ({"match": {"paths": ["/", "a"]}}, "match.paths[1]", "'a' is not a path", "/ or *"),
        ({"match": {"paths": [""]}}, "match.paths[0]", "'' is not a path", "/ or *"),
        ({"match": {"paths": ["/\n"]}}, "match.paths[0]", "is not a path", "/ or *"),
        ({"match": {"paths": ["/" * 254]}}, "match.paths[0]", "is not a path", "at most 253"),
        ({"match": {"paths": [1]}}, "match.paths[0]", "1 is not a path", "/ or *"),
        ({"match": {"methods": ["post"]}}, "match.methods[0]", "unknown", "mean 'POST'?"),
        ({"match": {"methods": ["BREW"]}}, "match.methods[0]", "unknown", "WEBSOCKET"),
        ({"match": {"methods": [None]}}, "match.methods[0]", "None is unknown", "GET"),
        ({"match": {"methods": [["GET"]]}}, "match.methods[0]", "is unknown", "GET"),
        ({"match": {"dependencies": ["*"]}}, "match.dependencies[0]", "'*' is not a name", "63"),
        ({"match": {"dependencies": ["-a"]}}, "match.dependencies[0]", "is not a name", "ends"),
        ({"match": {"dependencies": ["a" * 64]}}, "match.dependencies[0]", "not a name", "63"),
        ({"allow": {"paths": ["status"]}}, "allow.paths[0]", "is not a path", "/ or *"),
        ({"allow": {"cidrs": ["10.0.0.1"]}}, "allow.cidrs[0]", "is not a network", "10.0.0.0/8"),
        ({"allow": {"cidrs": ["10.0.0.1/8"]}}, "allow.cidrs[0]", "host bits", "write 10.0.0.0/8"),
        ({"allow": {"cidrs": ["2001:db8::1/32"]}}, "allow.cidrs[0]", "host bits", "2001:db8::/32"),
        ({"allow": {"cidrs": ["10.0.0.0/33"]}}, "allow.cidrs[0]", "is not a network", "10.0.0.0/8"),
        ({"allow": {"cidrs": ["10.0.0.0/08"]}}, "allow.cidrs[0]", "is not a network", "10.0.0.0/8"),
        ({"allow": {"cidrs": ["10.0.0.0/255.0.0.0"]}}, "allow.cidrs[0]", "not a network", "10."),
        ({"allow": {"cidrs": ["10.00.0.0/8"]}}, "allow.cidrs[0]", "not a network", "10."),
        ({"allow": {"cidrs": ["fe80::%1/64"]}}, "allow.cidrs[0]", "not a network", "2001:db8"),
        ({"allow": {"cidrs": ["::ffff:10.0.0.0/104"]}}, "allow.cidrs[0]", "as IPv6", "10.0.0.0/8"),
        ({"allow": {"cidrs": [8]}}, "allow.cidrs[0]", "8 is not a network", "10.0.0.0/8"),
        ({"allow": {"tokens": [SUM]}}, "allow.tokens[0]", "is not an object", "its fields"),
        (
            {"allow": {"tokens": [{"sha256": SUM}]}},
            "allow.tokens[0].name",
            "is missing",
            "63 letters",
        ),
        (
            {"allow": {"tokens": [{"name": "a", "sha256": sha256().hexdigest().upper()}]}},
            "allow.tokens[0].sha256",
            "the sum of an empty token",
            "make a real token",
        ),
        (
            {"mode": "ReadOnly", "match": {"methods": ["GET", "HEAD", "OPTIONS", "GET"]}},
            "match.methods",
            "mode ReadOnly lets all of GET, HEAD, OPTIONS, GET pass, so nothing is refused",
            "say mode: Full, or leave match.methods out",
        ),
    ],
)
def test_a_wrong_narrowing_is_named_with_its_mend(
    spec: dict[str, Any], field: str, problem: str, mend: str
) -> None:
    with pytest.raises(InvalidWindow) as caught:
        parsed(**spec)
    assert caught.value.field == f"spec.{field}"
    assert problem in caught.value.problem
    assert mend in caught.value.mend


def test_a_token_that_was_written_in_place_of_its_sum_is_not_shown() -> None:
    """Errors are logged, and shown by kubectl."""
    with pytest.raises(InvalidWindow, match="is not a SHA-256 sum") as caught:
        parsed(allow={"tokens": [{"name": "anna", "sha256": "hunter2"}]})
    assert "hunter2" not in str(caught.value)


def test_read_only_with_a_method_that_may_write_refuses_something() -> None:
    methods = ["GET", "TRACE"]
    assert parsed(mode="ReadOnly", match={"methods": methods}).match.methods == tuple(methods)


@pytest.mark.parametrize("name", ["x" * 5_000_000, "\ud800", "a\nb", ("a",) * 1000, 5, None])
def test_an_unknown_name_of_any_shape_is_told_in_a_line(name: Any) -> None:
    item = manifest()
    item["spec"][name] = 1
    with pytest.raises(InvalidWindow) as caught:
        parse_manifest(item)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
