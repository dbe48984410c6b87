"""The id-token of an OpenID provider, as a kubeconfig names it."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from tests.controlplane.pki import write_kubeconfig
from tests.unit.tls_server import AUTHORITY, Request, Server, Wire, serving

pytestmark = pytest.mark.anyio

IN_FORCE = 4_000_000_000


def jwt(**claims: object) -> str:
    """An id-token; nobody checks its signature here."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode() for part in parts), "x"])


def identity(folder: Path, **settings: str) -> KubeconfigIdentity:
    user = {"auth-provider": {"name": "oidc", "config": settings}}
    endpoint = {"server": "https://production.example:6443"}
    write_kubeconfig(folder / "config", cluster=endpoint, user=user, namespace="shop")
    return KubeconfigIdentity(folder / "config", None)


def settings_in(folder: Path) -> dict[str, str]:
    import yaml

    (user,) = yaml.safe_load((folder / "config").read_text())["users"]
    return dict(user["user"]["auth-provider"]["config"])


@contextlib.asynccontextmanager
async def provider(**answer: str) -> AsyncIterator[Server]:
    """One that gives this for a refresh token."""

    async def handler(request: Request, wire: Wire) -> None:
        found: dict[str, Any] = {"token_endpoint": f"{server.url}/token"}
        await wire.answer(200, answer if request.path == "/token" else found, Content_Type=JSON)

    async with serving(handler) as server:
        yield server


JSON = "application/json"
STALE = jwt(exp=1)


@pytest.mark.parametrize("claims", [{"exp": IN_FORCE}, {}, {"exp": IN_FORCE, "sub": "ab>?~\u00ff"}])
async def test_a_token_that_is_in_force_is_the_token(
    tmp_path: Path, claims: dict[str, Any]
) -> None:
    """Whatever it holds: it is written in the alphabet of URLs."""
    token = jwt(**claims)
    access = await identity(tmp_path, **{"id-token": token}).access()
    assert access.authorization == f"Bearer {token}"


@pytest.mark.parametrize("left", [-1.0, 5.0])
@pytest.mark.parametrize("authority", ["data", "file"])
async def test_one_that_is_not_is_refreshed_and_written_back(
    tmp_path: Path, authority: str, left: float
) -> None:
    """Also shortly before; a provider may give another refresh token, and the old one is void."""
    fresh, pem = jwt(exp=IN_FORCE), AUTHORITY.cert_pem.bytes()
    (tmp_path / "ca.pem").write_bytes(pem)
    trust = {"-data": base64.b64encode(pem).decode()} if authority == "data" else {"": "ca.pem"}
    async with provider(id_token=fresh, refresh_token="second") as server:
        named = identity(
            tmp_path,
            **{"id-token": jwt(exp=time.time() + left), "refresh-token": "first"},
            **{"client-id": "shop", "client-secret": "s+s", "idp-issuer-url": server.url},
            **{f"idp-certificate-authority{name}": value for name, value in trust.items()},
        )
        assert (await named.access()).authorization == f"Bearer {fresh}"
        request = server.requests[-1]
    asked = parse_qs(request.body.decode())
    assert request.headers["authorization"] == "Basic c2hvcDpzJTJCcw=="  # shop:s%2Bs
    assert asked == {"grant_type": ["refresh_token"], "refresh_token": ["first"]}
    kept = settings_in(tmp_path)
    assert (kept["id-token"], kept["refresh-token"]) == (fresh, "second")


async def test_a_provider_that_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    """Where no authority is named, those of the system decide."""
    async with provider(id_token=jwt(exp=IN_FORCE)) as server:
        names = {"client-id": "shop", "client-secret": "s", "idp-issuer-url": server.url}
        named = identity(tmp_path, **{"id-token": STALE, "refresh-token": "first"}, **names)
        with pytest.raises(ValueError, match="CERTIFICATE_VERIFY_FAILED"):
            await named.access()
        assert server.requests == []


async def test_a_kubeconfig_that_may_not_be_written_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public client has no secret, and a provider may leave the refresh token as it is."""
    fresh = jwt(exp=IN_FORCE)
    authority = base64.b64encode(AUTHORITY.cert_pem.bytes()).decode()
    async with provider(id_token=fresh) as server:
        names = {"client-id": "shop", "idp-issuer-url": server.url, "refresh-token": "first"}
        named = identity(tmp_path, **names, **{"idp-certificate-authority-data": authority})
        monkeypatch.setattr(
            "kubernetes_asyncio.config.kube_config.KubeConfigMerger.save_changes", refused
        )
        assert (await named.access()).authorization == f"Bearer {fresh}"
        assert parse_qs(server.requests[-1].body.decode())["client_id"] == ["shop"]
    assert "the refreshed id-token is not kept: read-only" in caplog.text


def refused(_: object) -> None:
    raise OSError("read-only")


async def test_a_refresh_token_is_used_once_also_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that rotates them takes a second use for a theft; who logs in anew begins anew."""
    writer = "kubernetes_asyncio.config.kube_config.KubeConfigMerger.save_changes"
    monkeypatch.setattr(writer, refused)
    async with rotating() as server:
        names = trusting(server)
        for token in ("first", "first", "first", "again", "again"):
            named = identity(tmp_path, **{**names, "refresh-token": token})
            named.renew(await named.access())
    sent = [parse_qs(r.body.decode())["refresh_token"][0] for r in server.requests if r.body]
    assert sent == ["first", "first+", "first++", "again", "again+"]


async def test_an_answer_without_an_id_token_says_what_mends_it(tmp_path: Path) -> None:
    """The refresh token that came with it is kept: the one before may be void."""
    async with provider(access_token="a", refresh_token="second") as server:
        named = identity(tmp_path, **{**trusting(server), "refresh-token": "first"})
        with pytest.raises(ValueError, match=f"{server.url} gave no id_token .* log in again"):
            await named.access()
    assert settings_in(tmp_path)["refresh-token"] == "second"


def trusting(server: Server) -> dict[str, str]:
    """What a public client has to know of it."""
    authority = base64.b64encode(AUTHORITY.cert_pem.bytes()).decode()
    names = {"client-id": "shop", "idp-issuer-url": server.url}
    return {**names, "idp-certificate-authority-data": authority}


@contextlib.asynccontextmanager
async def rotating() -> AsyncIterator[Server]:
    """A provider that gives another refresh token each time: the old one with a mark."""

    async def handler(request: Request, wire: Wire) -> None:
        answer: dict[str, Any] = {"token_endpoint": f"{server.url}/token"}
        if request.path == "/token":
            (token,) = parse_qs(request.body.decode())["refresh_token"]
            answer = {"id_token": jwt(exp=IN_FORCE), "refresh_token": f"{token}+"}
        await wire.answer(200, answer, Content_Type=JSON)

    async with serving(handler) as server:
        yield server


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"id-token": STALE}, "oidc: No valid id-token"),
        ({"id-token": "none"}, "oidc: the id-token is no JSON Web Token"),
    ],
)
async def test_one_that_cannot_be_refreshed_is_said(
    tmp_path: Path, settings: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        await identity(tmp_path, **settings).access()
