"""A context of a kubeconfig, read as kubectl reads it.

By kubernetes-asyncio, but for whom to impersonate, for plugins and for the tokens of an OpenID
provider. Its version 36 passes over the first, leaves a plugin behind that hangs, reads the tokens
in the wrong alphabet, does not look at the provider's certificate, and fails where an authority for
that is named.
"""

from __future__ import annotations

import base64
import json
import logging
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config.config_exception import ConfigException
from kubernetes_asyncio.config.kube_config import FileOrData, KubeConfigLoader, KubeConfigMerger

from .plugin import run_plugin

Headers = tuple[tuple[str, str], ...]

logger = logging.getLogger(__name__)

_LEAST_LEFT = 10.0
"""Seconds for which a token must still be good, as for kubectl."""

_rotated: dict[tuple[str, str], tuple[str, str]] = {}
"""The refresh token in a file and the last one that followed it, by the account: one that was used
may be void, and the file may be one that nobody can write."""


async def load(file: str, context: str | None) -> tuple[Configuration, Headers]:
    """Where the server of a context is and how to prove who asks, and headers that say as whom; a
    token that is refreshed is written back, as kubectl does it.

    Raises:
        Exception: of many kinds: files, YAML and plugins each fail in their own way.
    """
    merger, configuration = KubeConfigMerger(file), Configuration()
    loader = _Loader(
        config_dict=merger.config,
        config_base_path=None,  # paths are relative to the file that names them
        active_context=context,
        config_persister=merger.save_changes,
    )
    await loader.load_and_set(configuration)
    return configuration, loader.impersonation()


class _Loader(KubeConfigLoader):
    cert_file: str | None
    key_file: str | None

    def impersonation(self) -> Headers:
        """As whom to act (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation)."""
        user = self._user.value if self._user else {}
        extra = user.get("as-user-extra") or {}
        headers = [("Impersonate-User", user.get("as")), ("Impersonate-Uid", user.get("as-uid"))]
        headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
        headers += [(f"Impersonate-Extra-{quote(k, safe='')}", v) for k in extra for v in extra[k]]
        given = tuple((name, str(value)) for name, value in headers if value)
        if given and not user.get("as"):
            raise ConfigException("as-uid, as-groups or as-user-extra without as: name a user, too")
        return given

    def _load_user_token(self) -> bool:
        """That of a file, which may be renewed, before one that is written down (as kubectl)."""
        assert self._user is not None
        if not self._user.safe_get("tokenFile"):
            return bool(super()._load_user_token())
        folder = Path(self._get_base_path(self._user.path))
        self.token = f"Bearer {(folder / str(self._user['tokenFile'])).read_text()}"
        return True

    async def load_from_exec_plugin(self) -> bool:
        assert self._user is not None
        assert self._cluster is not None
        status = await run_plugin(self._user["exec"], self._cluster)
        if "token" in status:
            self.token = f"Bearer {status['token']}"
        if "clientCertificateData" in status:
            self.cert_file = self._file_of(status, "clientCertificateData")
            self.key_file = self._file_of(status, "clientKeyData")
        elif "token" not in status:
            raise ConfigException("exec: the plugin gave neither a token nor a certificate")
        return True

    def _file_of(self, status: dict[str, Any], name: str) -> str:
        if name not in status:
            raise ConfigException(f"exec: the plugin gave no {name}")
        data = FileOrData(status, None, data_key_name=name, base64_file_content=False)
        return str(data.as_file())

    async def _load_oid_token(self) -> str:
        assert self._user is not None
        provider = self._user["auth-provider"]
        if "config" not in provider:
            raise ConfigException("oidc: missing configuration")
        settings = provider["config"]
        if not _is_good(settings.safe_get("id-token")):
            await self._refresh_oidc(provider)
        self.token = f"Bearer {settings['id-token']}"
        return self.token

    async def _refresh_oidc(self, provider: Any) -> None:
        settings = provider["config"]
        if "refresh-token" not in settings:
            raise ConfigException(
                "oidc: No valid id-token, and cannot refresh without refresh-token"
            )
        written = settings["refresh-token"]
        settings.value["refresh-token"] = token = self._last_of(written)
        answer = await _refreshed(settings, Path(self._get_base_path(settings.path)))
        settings.value["refresh-token"] = token = answer.get("refresh_token") or token
        _rotated[self._account] = written, token
        if "id_token" in answer:
            settings.value["id-token"] = answer["id_token"]
        self._write_back()
        if "id_token" not in answer:  # which it need not have: OpenID Connect Core, 12.2
            raise ConfigException(
                f"oidc: {settings['idp-issuer-url']} gave no id_token for the refresh-token: "
                "log in again, with the scope openid"
            )

    @property
    def _account(self) -> tuple[str, str]:
        """The file that names a user, and the user."""
        assert self._user is not None
        assert self._current_context is not None
        return str(self._user.path), str(self._current_context["context"]["user"])

    def _last_of(self, written: str) -> str:
        """What came after the refresh token of the file, unless somebody logged in since."""
        before, last = _rotated.get(self._account, (written, written))
        return last if before == written else written

    def _write_back(self) -> None:
        try:
            self._config_persister()
        except OSError as error:  # as where it is mounted: then memory alone has them
            logger.warning("the refreshed id-token is not kept: %s", error)


async def _refreshed(settings: Any, folder: Path) -> dict[str, str]:
    """What a refresh token gives (OpenID Connect Core, 12; RFC 6749, 2.3.1 and 6)."""
    issuer, client = settings["idp-issuer-url"].rstrip("/"), settings["client-id"]
    form = {"grant_type": "refresh_token", "refresh_token": settings["refresh-token"]}
    headers = {}
    if secret := settings.safe_get("client-secret"):
        pair = f"{quote_plus(client)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = client
    connector = aiohttp.TCPConnector(ssl=_trust(settings.value, folder))
    async with aiohttp.ClientSession(
        connector=connector, trust_env=True, raise_for_status=True
    ) as session:
        async with session.get(f"{issuer}/.well-known/openid-configuration") as found:
            endpoint = (await found.json())["token_endpoint"]
        async with session.post(endpoint, data=form, headers=headers) as answer:
            return dict(await answer.json())


def _trust(settings: dict[str, str], folder: Path) -> ssl.SSLContext:
    """Who says that the provider is the provider; the system's authorities where none is named."""
    if data := settings.get("idp-certificate-authority-data"):
        return ssl.create_default_context(cadata=base64.b64decode(data).decode())
    file = settings.get("idp-certificate-authority")
    return ssl.create_default_context(cafile=folder / file if file else None)


def _is_good(token: str | None) -> bool:
    """Whether a token need not be refreshed; one that names no end has none."""
    if not token:
        return False
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return bool(claims.get("exp", float("inf")) > time.time() + _LEAST_LEFT)
    except (ValueError, AttributeError) as cause:
        raise ConfigException("oidc: the id-token is no JSON Web Token") from cause
