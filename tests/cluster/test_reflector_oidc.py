"""A kubeconfig with an OpenID provider, which a real API server trusts."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fastapi_maintenance.backends.kubernetes.identity import KubeconfigIdentity
from tests.cluster.following import BRISK, ROLE, Following, create
from tests.controlplane.pki import write_kubeconfig
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

LIVES = 8.0
"""Seconds, in which a new one has to arrive; an API server takes one that it knows for ten."""


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Provider:
    """Gives an id-token for each refresh token, which is good once."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.given: list[str] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(trust)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(provider.describe(self.path))

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert f"refresh_token=refresh-{len(provider.given)}" in form
                self._answer(provider.give())

            def _answer(self, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def describe(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            numbers = self._key.public_key().public_numbers()
            n = encoded(numbers.n.to_bytes(256, "big"))
            key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": n, "e": "AQAB"}
            return {"keys": [key]}
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/authorize",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def give(self) -> dict[str, str]:
        self.given.append(self.sign())
        return {"id_token": self.given[-1], "refresh_token": f"refresh-{len(self.given)}"}

    def sign(self) -> str:
        """An id-token."""
        now = time.time()
        claims = {"iss": self.url, "aud": "shop", "sub": "ann?>~", "iat": now, "exp": now + LIVES}
        parts = ({"alg": "RS256", "kid": "k"}, claims)
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encoded(signature)}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def provider(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Provider]:
    """One that the API server believes; afterwards it believes none."""
    provider = Provider()
    provider.authority.cert_pem.write_to_path(str(tmp_path / "provider.crt"))
    try:
        control_plane.restart_apiserver(
            oidc_issuer_url=provider.url,
            oidc_client_id="shop",
            oidc_ca_file=tmp_path / "provider.crt",
            oidc_username_prefix="oidc:",
        )
        wait_for(lambda: knows(control_plane, provider.sign()), 60, "the provider to be known")
        yield provider
    finally:
        provider.close()
        control_plane.restart_apiserver()


def knows(control_plane: ControlPlane, token: str) -> bool:
    """Whether the API server takes a token; it asks who gives them only once it runs."""
    trust = ssl.create_default_context(cafile=control_plane.ca)
    asked = Request(f"{control_plane.server}/api", headers={"Authorization": f"Bearer {token}"})
    with urlopen(asked, timeout=10, context=trust) as answer:
        return bool(answer.status == 200)


@pytest.mark.owns_control_plane
def test_an_id_token_is_refreshed_whenever_it_has_expired(
    provider: Provider, cluster: Cluster, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    """As often as the API server refuses it; nobody sees a failure."""
    kubectl(
        "create",
        "rolebinding",
        "ann",
        f"--clusterrole={ROLE}",
        "--user=oidc:ann?>~",
        "-n",
        namespace,
    )
    create(kubectl, namespace, "first")
    settings = {
        "idp-issuer-url": provider.url,
        "client-id": "shop",
        "client-secret": "secret",
        "refresh-token": "refresh-0",
        "idp-certificate-authority": "provider.crt",
    }
    path = write_kubeconfig(
        tmp_path / "kubeconfig",
        cluster=cluster.endpoint,
        user={"auth-provider": {"name": "oidc", "config": settings}},
        namespace=namespace,
    )
    pace = replace(BRISK, watch=(1, 1))
    with Following(KubeconfigIdentity(path, None), pace=pace) as following:
        following.wait_for_names("first")
        following.wait_for(lambda: len(provider.given) >= 3, "the second refresh", 60)
        create(kubectl, namespace, "second")
        following.wait_for_names("first", "second")
        assert following.log.failed == []
