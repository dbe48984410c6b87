"""What a fork copies of locks that other threads hold."""

from __future__ import annotations

import importlib
import os
import pkgutil
import threading
from typing import Any

import pytest

import fastapi_maintenance
from fastapi_maintenance import maintenance_mode_on
from fastapi_maintenance.backends.asked_blocks import Hold
from fastapi_maintenance.backends.blocks import Blocks
from fastapi_maintenance.backends.forks import ForkLock
from fastapi_maintenance.backends.helpers import Helpers
from fastapi_maintenance.backends.stages import Stages

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

KINDS = (type(threading.Lock()), ForkLock)


def locks_of(owner: Any) -> list[tuple[Any, str]]:
    """The locks of a module or an object, by their names; a reentrant one cares for itself."""
    return [(owner, name) for name, value in vars(owner).items() if isinstance(value, KINDS)]


def modules() -> list[Any]:
    """All of the package that can be imported here."""
    found = pkgutil.walk_packages(fastapi_maintenance.__path__, "fastapi_maintenance.")
    return [importlib.import_module(each.name) for each in found]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_no_lock_that_another_thread_holds_is_held_in_the_child_of_a_fork() -> None:
    """Neither a module's nor that of an object that many have in common."""
    shared = [Blocks(), Stages(), Helpers(), Hold(), maintenance_mode_on()]
    locks = [lock for owner in (*modules(), *shared) for lock in locks_of(owner)]
    assert len(locks) >= 9 + len(shared)
    held = [getattr(owner, name) for owner, name in locks]
    reading, writing = os.pipe()
    for lock in held:
        lock.acquire()
    try:
        child = os.fork()
        if child == 0:
            try:
                stuck = [f"{o!r} {n}" for o, n in locks if not getattr(o, n).acquire(False)]
                os.write(writing, "\n".join(stuck).encode())
            finally:
                os._exit(0)
    finally:
        for lock in held:
            lock.release()
    os.waitpid(child, 0)
    os.close(writing)
    assert os.read(reading, 10_000).decode() == ""
    os.close(reading)
