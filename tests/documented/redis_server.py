"""A redis-server of our own, which ends with the tests."""

from __future__ import annotations

from pathlib import Path

import redis

from tests.controlplane.daemon import Daemon
from tests.controlplane.ports import free_port


class RedisServer(Daemon):
    """Listens on loopback, writes nothing to disk, and may be stopped, paused and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        super().__init__(
            [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""],
            log=folder / "redis.log",
            ready=self._answers,
            cwd=folder,
        )

    def value(self, key: str) -> bytes | None:
        """What it holds under a key."""
        with redis.Redis(port=self.port) as client:
            held = client.get(key)
        assert held is None or isinstance(held, bytes)
        return held

    def hold(self, key: str, value: str) -> None:
        """Let it hold a value, as another process would."""
        with redis.Redis(port=self.port) as client:
            client.set(key, value)

    def empty(self) -> None:
        """Let it forget everything."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def _answers(self) -> bool:
        with redis.Redis(port=self.port) as client:
            return bool(client.ping())
