"""Who still gets through: by path, by address, by a token, by method."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message

from fastapi_maintenance import LocalFileBackend, MaintenanceModeMiddleware
from fastapi_maintenance.windows import strictest
from tests.unit.gated import ON, WRITES, gate, shop, status
from tests.unit.making import Held, open_since_2026
from tests.unit.routed import scope_of

TOKEN = "let-me-in-0123456789abcdef"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("/orders", "/orders", 200),
        ("/orders", "/orders/1", 503),
        ("/orders/*", "/orders", 200),
        ("/orders/*", "/orders/1", 200),
        ("/ord*", "/orders/1", 200),
        ("*", "/orders/1", 200),
        ("*/1", "/orders/1", 200),
        ("/Orders", "/orders", 503),
        ("/orders/*", "/orders/%2e%2e", 200),
        ("/orders.", "/orders", 503),
    ],
)
def test_exempt_paths_are_globs_on_the_decoded_path(glob: str, path: str, expected: int) -> None:
    assert status(shop(exempt_paths=[glob]), path) == expected


def test_exempt_paths_are_below_the_root_path() -> None:
    client = TestClient(shop(exempt_paths=["/orders"]), root_path="/api")
    assert client.get("/api/orders").status_code == 200
    assert client.get("/api/orders/1").status_code == 503


@pytest.mark.parametrize("argument", ["exempt_paths", "health_paths"])
def test_a_glob_that_matches_no_path_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=f"{argument}: 'orders' .* write '/orders'"):
        gate(**{argument: ["orders"]})
    with pytest.raises(ValueError, match="takes several"):
        gate(**{argument: "/orders"})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("fd00::7", 200),
        ("fd00::7%eth0", 200),
        ("192.0.2.1", 503),
        ("testclient", 503),
        ("", 503),
    ],
)
def test_clients_of_exempt_networks_are_served(address: str, expected: int) -> None:
    app = shop(exempt_cidrs=["10.0.0.0/8", "fd00::/8"])
    assert status(app, client=(address, 50000)) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["10.1.2.3"], 200),
        (["10.1.2.3:4711"], 200),
        (["[fd00::7]:4711"], 200),
        (["192.0.2.1, 10.1.2.3"], 200),
        (["192.0.2.1", "10.1.2.3"], 200),
        (["10.1.2.3, 192.0.2.1"], 503),
        (["10.1.2.3, 198.51.100.8"], 200),
        (["10.1.2.3, nonsense"], 503),
        (["nonsense"], 503),
        ([], 503),
    ],
)
def test_only_what_trusted_proxies_say_is_believed(forwarded: list[str], expected: int) -> None:
    """The hop nearest to us that no trusted proxy is, counts: what stands before it is hearsay."""
    app = shop(exempt_cidrs=["10.0.0.0/8", "fd00::/8"], trusted_proxies=["198.51.100.0/24"])
    headers = [("X-Forwarded-For", line) for line in forwarded]
    client = TestClient(app, client=("198.51.100.7", 50000))
    assert client.request("GET", "/orders", headers=headers).status_code == expected


def test_forwarded_headers_of_strangers_are_not_believed() -> None:
    here = {"X-Forwarded-For": "10.1.2.3"}
    app = shop(exempt_cidrs=["10.0.0.0/8"])
    assert status(app, client=("192.0.2.1", 1), headers=here) == 503
    app = shop(exempt_cidrs=["10.0.0.0/8"], trusted_proxies=["198.51.100.0/24"])
    assert status(app, client=("192.0.2.1", 1), headers=here) == 503


@pytest.mark.parametrize("argument", ["exempt_cidrs", "trusted_proxies"])
@pytest.mark.parametrize("given", [["10.0.0.0/33"], ["10.0.0.1/8"], ["localhost"], "10.0.0.0/8"])
def test_what_is_no_network_is_refused(argument: str, given: list[str]) -> None:
    with pytest.raises(ValueError, match=argument):
        gate(**{argument: given})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Maintenance-Bypass": TOKEN}, 200),
        ({"x-maintenance-bypass": TOKEN + " "}, 200),
        ({"X-Maintenance-Bypass": TOKEN + "x"}, 503),
        ({"X-Maintenance-Bypass": HASH}, 503),
        ({"X-Maintenance-Bypass": ""}, 503),
        ({"Cookie": f"a=b; maintenance_bypass={TOKEN}; c=d"}, 200),
        ({"Cookie": f"maintenance_bypass={TOKEN}x"}, 503),
        ({"Cookie": "maintenance_bypass"}, 503),
    ],
)
def test_the_bearer_of_a_token_is_served(headers: dict[str, str], expected: int) -> None:
    app = shop(bypass_token_hashes=["0" * 64, HASH.upper()])
    assert status(app, method="POST", headers=headers) == expected


def test_a_token_in_the_address_becomes_a_cookie_and_leaves_the_address() -> None:
    client = TestClient(
        shop(bypass_token_hashes=[HASH]), base_url="https://shop.example", follow_redirects=False
    )
    answer = client.get("/orders/a%20b", params={"page": "2", "maintenance-bypass": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "./a%20b?page=2"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"maintenance_bypass={TOKEN};")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute in cookie
    assert "expires" not in cookie
    assert client.get("/orders").status_code == 200


def test_the_cookie_lasts_as_long_as_the_window() -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    held = Held(open_since_2026(end.isoformat()))
    client = TestClient(shop(backend=held, bypass_token_hashes=[HASH]), follow_redirects=False)
    cookie = client.get("/orders", params={"maintenance-bypass": TOKEN}).headers["Set-Cookie"]
    assert f"expires={end:%a, %d %b %Y %H:%M:%S} GMT" in cookie


def test_the_cookie_lasts_as_long_as_anything_is_refused() -> None:
    """Else its bearer would be refused in the midst of a read-only maintenance."""
    end = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    full = open_since_2026((end - timedelta(hours=1)).isoformat(), name="full")
    writes = open_since_2026(end.isoformat(), name="writes", mode="ReadOnly")
    app = shop(backend=Held(strictest(full, writes)), bypass_token_hashes=[HASH])
    client = TestClient(app, follow_redirects=False)
    cookie = client.get("/orders", params={"maintenance-bypass": TOKEN}).headers["Set-Cookie"]
    assert f"expires={end:%a, %d %b %Y %H:%M:%S} GMT" in cookie


def test_a_wrong_token_in_the_address_is_refused() -> None:
    app = shop(bypass_token_hashes=[HASH])
    assert status(app, "/orders?maintenance-bypass=guess") == 503


def test_a_write_with_a_token_in_its_address_is_served_at_once() -> None:
    """A redirect would lose its body."""
    app = shop(bypass_token_hashes=[HASH])
    assert status(app, f"/orders?maintenance-bypass={TOKEN}", "POST") == 200


def test_while_maintenance_is_off_a_token_is_nobodys_business() -> None:
    app = shop(backend=Held(), bypass_token_hashes=[HASH])
    assert status(app, f"/orders?maintenance-bypass={TOKEN}") == 200


@pytest.mark.parametrize("location", ["//evil.example/orders", "/\\evil.example"])
def test_the_redirect_leads_nowhere_else(location: str) -> None:
    app = shop(bypass_token_hashes=[HASH], health_paths=["/healthz"])
    app.get("/{anything:path}")(lambda: "anything")
    client = TestClient(app, base_url="https://shop.example", follow_redirects=False)
    answer = client.get(f"https://shop.example{location}?maintenance-bypass={TOKEN}")
    address = urljoin(str(answer.url), answer.headers["Location"])
    assert address.startswith("https://shop.example/")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/api/orders", "/api/orders"),
        ("/api/orders/?page=2", "/api/orders/?page=2"),
        ("/api/a%2Fb/c%2Fd", "/api/a%2Fb/c%2Fd"),
        ("/api/a:b", "/api/a:b"),
        ("/api/", "/api/"),
        ("/api/a?x=%E9&y=a+b&z", "/api/a?x=%E9&y=a+b&z"),
    ],
)
def test_the_redirect_keeps_what_a_proxy_has_taken_away(address: str, expected: str) -> None:
    """The application behind a proxy that strips ``/api`` never sees it."""
    app = FastAPI()
    app.root_path = "/api"
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(ON), bypass_token_hashes=[HASH])
    app.get("/{anything:path}")(lambda: "anything")
    link = f"{address}{'&' if '?' in address else '?'}maintenance-bypass={TOKEN}"
    client = TestClient(app, follow_redirects=False)
    answer = client.get(link.removeprefix("/api"))
    assert answer.status_code == 303
    assert urljoin(f"https://shop.example{link}", answer.headers["Location"]) == (
        f"https://shop.example{expected}"
    )
    assert "Path=/api" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("way", ["header", "cookie", "link"])
def test_a_token_may_be_any_text(way: str) -> None:
    token = "tök€n"
    app = shop(bypass_token_hashes=[hashlib.sha256(token.encode()).hexdigest()])
    client = TestClient(app, base_url="https://shop.example")
    if way == "link":
        assert client.get("/orders", params={"maintenance-bypass": token}).status_code == 200
        assert client.get("/orders").status_code == 200, "the cookie is kept"
        return
    name = b"X-Maintenance-Bypass" if way == "header" else b"Cookie"
    value = token.encode() if way == "header" else b"maintenance_bypass=" + token.encode()
    assert client.get("/orders", headers=[(name, value)]).status_code == 200


def test_a_path_is_cut_where_the_router_cuts_it() -> None:
    """A root path with a slash at its end cuts nothing, there or here."""
    app = FastAPI()
    app.root_path = "/api/"
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(ON), exempt_paths=["/public/*"])
    app.get("/api/public/secret")(lambda: "secret")
    assert status(app, "/api/public/secret") == 503


@pytest.mark.parametrize("wrong", [TOKEN, HASH[:-1], HASH + "0", "g" * 64])
def test_what_is_no_sum_is_refused_and_never_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"bypass_token_hashes: .*64 hexadecimal") as caught:
        gate(bypass_token_hashes=[wrong])
    assert wrong not in str(caught.value)


def test_a_variable_that_was_empty_makes_no_token_of_nothing() -> None:
    with pytest.raises(ValueError, match="empty token"):
        gate(bypass_token_hashes=[hashlib.sha256(b"").hexdigest()])


def test_tokens_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "fastapi_maintenance")
    app = shop(bypass_token_hashes=[HASH])
    for token in (TOKEN, "wrong-token"):
        status(app, f"/orders?maintenance-bypass={token}", headers={"X-Maintenance-Bypass": token})
    assert TOKEN not in caplog.text
    assert "wrong-token" not in caplog.text


@pytest.mark.parametrize(("method", "expected"), [("GET", 200), ("HEAD", 200), ("POST", 503)])
@pytest.mark.parametrize("options", [{"backend": Held(ON)}, {"enable_maintenance": True}])
def test_a_read_only_gate_refuses_writes_only(
    method: str, expected: int, options: dict[str, object]
) -> None:
    assert status(shop(read_only=True, **options), method=method) == expected


def test_a_window_says_itself_what_it_refuses() -> None:
    """Else a full migration would meet readers because of an argument somewhere."""
    assert status(shop(read_only=True, backend=Held(open_since_2026()))) == 503


def test_health_paths_that_are_given_pass_whatever_refuses_the_rest() -> None:
    app = shop(health_paths=["/healthz"])
    assert status(app, "/healthz") == 200
    assert status(app, "/healthz", "POST") == 503
    assert status(shop(), "/healthz") == 503


def test_a_refused_probe_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    app = shop(backend=Held(open_since_2026()))
    for _ in range(2):
        assert status(app, "/orders", headers={"User-Agent": "kube-probe/1.37"}) == 503
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "/orders" in record.getMessage()
    assert "health_paths" in record.getMessage()


def test_reads_pass_a_read_only_state_and_writes_need_a_reason() -> None:
    app = shop(backend=Held(WRITES), exempt_paths=["/orders/*"])
    assert status(app, "/healthz") == 200
    assert status(app, "/orders/1", "POST") == 200
    assert status(app, "/healthz", "POST") == 503


def test_a_file_beside_the_first_backend_breaks_the_glass(tmp_path: object) -> None:
    file = f"{tmp_path}/break-glass"
    app = shop(backend=[LocalFileBackend(file), Held()])
    assert status(app) == 200
    with open(file, "w") as glass:  # noqa: PTH123
        glass.write("on")
    app = shop(backend=[LocalFileBackend(file), Held()])
    assert status(app) == 503


@pytest.mark.parametrize(
    ("mount", "path", "expected"),
    [("/日本", "/%E6%97%A5%E6%9C%AC", "/%E6%97%A5%E6%9C%AC"), ("/{shop}", "/x;y", "/x%3By")],
)
def test_the_cookie_is_for_the_application_wherever_it_is_mounted(
    mount: str, path: str, expected: str
) -> None:
    outer = FastAPI()
    outer.mount(mount, shop(bypass_token_hashes=[HASH]))
    client = TestClient(outer, follow_redirects=False, base_url="https://shop.example")
    answer = client.get(f"{path}/orders", params={"maintenance-bypass": TOKEN})
    assert answer.status_code == 303
    assert f"Path={expected};" in answer.headers["Set-Cookie"]


@pytest.mark.anyio
async def test_a_query_of_any_bytes_is_led_back_as_it_came() -> None:
    scope = scope_of("GET /orders")
    query = f"maintenance-bypass={TOKEN}&x=".encode() + b"\xe9"
    sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    app: Any = shop(bypass_token_hashes=[HASH])
    await app({**scope, "query_string": query}, receive_nothing, send)
    assert dict(sent[0]["headers"])[b"location"] == b"./orders?x=%E9"


async def receive_nothing() -> Message:
    return {"type": "http.request"}
