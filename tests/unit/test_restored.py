"""Versions that go back, since a backup of the server's store was restored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes.pace import Pace
from fastapi_maintenance.backends.kubernetes.reflector import Reflector
from fastapi_maintenance.backends.kubernetes.sources import SwitchStore
from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.backends.kubernetes.written import Guarded, Written
from tests.unit.scripted import Ear, Over, ScriptedTransport, listed

pytestmark = pytest.mark.anyio

AHEAD = ApiError(504, "Too large resource version")


class Switch:
    """A switch that this process writes, and follows."""

    def __init__(self) -> None:
        self.store, self.written = SwitchStore(), Written()
        self.guarded = Guarded(self.store, self.written)

    async def follow(self, *script: object) -> list[tuple[str, str | None]]:
        """What is asked of a server that answers so."""
        transport = ScriptedTransport(script)
        reflector = Reflector(
            transport,
            self.store.resource("shop"),
            self.guarded,
            Ear(),
            Pace(first_delay=0.001),
            self.guarded.oldest,
        )
        with contextlib.suppress(Over):
            await reflector.run()
        return transport.requests


def configmap(version: int, word: str) -> dict[str, Any]:
    metadata = {"name": "fastapi-maintenance", "uid": "one", "resourceVersion": str(version)}
    return {"kind": "ConfigMap", "metadata": metadata, "data": {"maintenance.orders": word}}


@pytest.mark.parametrize(
    "write",
    [
        lambda written: written.changed(configmap(92, "off")),
        lambda written: (written.changed(configmap(92, "off")), written.removed(configmap(1, ""))),
    ],
    ids=["changed", "removed"],
)
async def test_what_was_written_before_hides_nothing_that_is_written_since(
    write: Callable[[Written], object],
) -> None:
    """Its versions are no measure any more: those of others may take days to grow as far."""
    switch = Switch()
    write(switch.written)
    event = {"type": "MODIFIED", "object": configmap(6, "on")}
    asked = await switch.follow(AHEAD, listed(5, configmap(5, "off")), [event])
    assert asked == [("list", "92"), ("list", None), ("watch", "5")]
    assert switch.store.words == {"maintenance.orders": "on"}


async def test_a_write_while_a_consistent_list_is_on_its_way_is_no_sign_of_it() -> None:
    """The list is asked for again, and what was written counts."""
    switch = Switch()
    switch.written.changed(configmap(5, "off"))

    class Late(dict[str, Any]):
        """An answer that is read when something has been written."""

        def __getitem__(self, key: str) -> Any:
            switch.written.changed(configmap(7, "on"))
            return super().__getitem__(key)

    old, new = Late(listed(6, configmap(6, "off"))), listed(7, configmap(7, "on"))
    asked = await switch.follow(AHEAD, old, new, [])
    assert asked == [("list", "5"), ("list", None), ("list", None), ("watch", "7")]
    assert switch.written.oldest("ConfigMap") == 7
    assert switch.store.words == {"maintenance.orders": "on"}
