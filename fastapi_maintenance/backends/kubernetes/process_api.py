"""The requests by which a process keeps its MaintenanceProcess, and nobody else's."""

from __future__ import annotations

import json
import math
import secrets
import time
from datetime import datetime
from typing import Any

from fastapi_maintenance.windows import parse_plan
from fastapi_maintenance.windows.model import GROUP, VERSION
from fastapi_maintenance.windows.model import PLURAL as PLURAL_OF_WINDOWS

from .process import PLURAL, Report, Self, life_of, new_object, spec_of
from .process_self import has_ended
from .sources import PLAN_CONFIGMAP, PLAN_KEY
from .transport import ApiError, Transport, Unreachable, may_be_done

FIELD_MANAGER = {"fieldManager": "fastapi-maintenance"}

NOT_FOUND, CONFLICT = 404, 409

Object = dict[str, Any]

_ON_ITS_WAY = 60.0
"""Seconds that a request may take whose answer nobody waits for any more: the API server's
``--request-timeout``."""
_TRIES = 4
"""Others may change an object between a look at it and its deletion."""


class Left:
    """Objects that this process could not remove, and those of which it can't tell that they are.

    By their paths: until when (monotonic seconds) they may still come to exist.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._until)

    def add(self, path: str, until: float) -> None:
        """Nobody has removed this one."""
        self._until[path] = min(until, time.monotonic() + _ON_ITS_WAY)

    async def remove(self, transport: Transport) -> None:
        """Remove what is there.

        Raises:
            ApiError, Unreachable: as the transport says.
        """
        for path in list(self._until):
            try:
                await transport.request("DELETE", path, {}, b"{}")  # nobody else has that name
            except ApiError as error:
                if error.status != NOT_FOUND:
                    raise
                if time.monotonic() < self._until.get(path, 0.0):
                    continue  # it may be on its way
            self._until.pop(path, None)


class ProcessObject:
    """The object of this process: made once, under a random name that is its own.

    Args:
        transport: how to ask.
        namespace: where.
        who: what it is about.
        source: where windows are.
        left: those that nobody could remove; added to, and worked off.
    """

    def __init__(
        self,
        transport: Transport,
        namespace: str,
        who: Self,
        source: str,
        left: Left | None = None,
    ) -> None:
        self.who = who
        self.left = Left() if left is None else left
        self.name = _new_name()
        self._metadata: Object = {}
        self._comes_until = -math.inf
        """Until when (monotonic seconds) a request that was given up may still make it."""
        self._transport = transport
        self._namespace = namespace
        self._source = source
        self._all = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{self._all}/{self.name}"

    async def create(self, report: Report, now: datetime) -> None:
        """Register the process; to do so again after an answer that was lost is no harm.

        Raises:
            ApiError, Unreachable: as the transport says.
        """
        before, self._comes_until = self._comes_until, math.inf
        try:
            await self._create(new_object(self.name, self.who, report, now))
        except (ApiError, Unreachable) as error:
            late = time.monotonic() + _ON_ITS_WAY
            self._comes_until = late if may_be_done(error) else before
            raise

    async def _create(self, item: Object) -> None:
        try:
            self._keep(await self._send("POST", self._all, item, FIELD_MANAGER))
        except ApiError as error:
            if error.status != CONFLICT:
                raise
            # Nobody else could guess the name: an earlier try was not as lost as it seemed.
            # But a quota that was counted at the same time conflicts as well, with nothing made.
            try:
                self._keep(await self._transport.get(self.path, {}))
            except ApiError as missing:
                raise (error if missing.status == NOT_FOUND else missing) from None

    async def patch(self, report: Report, now: datetime) -> None:
        """Say what has changed. Never registers: one whose object is gone gets a 404."""
        # With its uid, so that whatever else came to have this name is left alone.
        patch = {"metadata": {"uid": self._metadata["uid"]}, "spec": spec_of(report, now)}
        content_type = "application/merge-patch+json"
        self._keep(await self._send("PATCH", self.path, patch, FIELD_MANAGER, content_type))

    async def delete(self) -> None:
        """Unregister. Raises as `create` does."""
        for _ in range(_TRIES):
            if await self._delete(self.path, self._metadata):
                self.renew()
                return
            # A report whose answer was lost, or a person's label, made another version of it.
            try:
                item = await self._transport.get(self.path, {})
            except ApiError as error:
                if error.status != NOT_FOUND:
                    raise
                item = {"metadata": {"uid": None}}
            if item["metadata"]["uid"] != self._metadata["uid"]:
                self.renew()
                return
            self._keep(item)
        raise ApiError(CONFLICT, "others change it all the time")

    def renew(self) -> None:
        """Take another name: the object is gone."""
        self.name, self._metadata, self._comes_until = _new_name(), {}, -math.inf

    def leave_behind(self) -> None:
        """Let another of this process remove it, if it is there: nobody else may be able to."""
        if self._metadata or self._comes_until > -math.inf:
            self.left.add(self.path, -math.inf if self._metadata else self._comes_until)

    async def remove_left(self) -> None:
        """Remove what this process had to leave behind. Raises as `create` does."""
        await self.left.remove(self._transport)

    async def remove_ended_siblings(self) -> list[str]:
        """Remove the objects of processes of this Pod that are proven to have ended.

        Returns their names. Only a sibling can tell: no kubelet speaks of a worker that died.
        """
        if self.who.pod is None or self.who.life is None:
            return []
        selector = {"fieldSelector": f"spec.pod.name={self.who.pod.name}"}
        items = (await self._transport.get(self._all, selector)).get("items") or []
        ended = [item for item in items if self._is_ended_sibling(item)]
        names = {item["metadata"]["name"]: item["metadata"] for item in ended}
        return [name for name in names if await self._delete(f"{self._all}/{name}", names[name])]

    async def all_windows(self) -> set[tuple[str, int]]:
        """uid and generation of every window, as a consistent read has them.

        Raises:
            ApiError, Unreachable: as the transport says.
            InvalidWindow: the plan is broken, which is not "no windows".
        """
        # Without a resourceVersion: a cache may be older than our registration.
        if self._source == "maintenancewindow":
            answer = await self._transport.get(self._path_of_windows, {})
            found = (item["metadata"] for item in answer.get("items") or [])
            return {(each["uid"], each.get("generation", 0)) for each in found}
        return await self._planned_windows()

    async def _planned_windows(self) -> set[tuple[str, int]]:
        path = f"/api/v1/namespaces/{self._namespace}/configmaps/{PLAN_CONFIGMAP}"
        try:
            plan = (await self._transport.get(path, {})).get("data") or {}
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return set()  # a namespace that never had a window has no plan
        return {(w.uid, w.generation) for w in parse_plan(plan.get(PLAN_KEY, ""))}

    @property
    def _path_of_windows(self) -> str:
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self._namespace}/{PLURAL_OF_WINDOWS}"

    async def count_all(self) -> int:
        """How many processes of the namespace report, this one included."""
        answer = await self._transport.get(self._all, {"limit": "1"})
        rest = answer["metadata"].get("remainingItemCount") or 0
        return max(1, len(answer.get("items") or []) + int(rest))

    def _is_ended_sibling(self, item: Object) -> bool:
        uid, life = life_of(item)
        assert self.who.pod is not None
        return uid == self.who.pod.uid and life is not None and has_ended(life)

    async def _delete(self, path: str, metadata: Object) -> bool:
        """Whether it is gone; not if it is no longer as it was seen."""
        conditions = {name: metadata[name] for name in ("uid", "resourceVersion")}
        try:
            await self._send("DELETE", path, {"preconditions": conditions})
        except ApiError as error:
            if error.status not in (NOT_FOUND, CONFLICT):
                raise
            return error.status == NOT_FOUND
        return True

    async def _send(
        self,
        method: str,
        path: str,
        body: Object,
        params: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        content = json.dumps(body).encode()
        return await self._transport.request(method, path, params or {}, content, content_type)

    def _keep(self, item: Object) -> None:
        metadata = item.get("metadata") or {}
        if not metadata.get("uid") or not metadata.get("resourceVersion"):
            raise ApiError(200, "the answer is no MaintenanceProcess")
        self._metadata = metadata


def _new_name() -> str:
    return f"mp-{secrets.token_hex(8)}"
