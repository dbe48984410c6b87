"""What every backend is to the gate: a State, at once, from memory."""

from __future__ import annotations

import time

from fastapi_maintenance.windows import OFF, Mode, Opening, State, switched

APP_VARIABLE = "FASTAPI_MAINTENANCE_APP"
"""Names this application where no ``app=`` does."""

TRUE_WORDS = frozenset({"1", "yes", "y", "true", "t", "on"})
FALSE_WORDS = frozenset({"0", "no", "n", "false", "f", "off"})
READ_ONLY_WORD = "read-only"


class BaseStateBackend:
    """Where a process learns whether it is in maintenance.

    A backend of one's own implements `state`, which is asked on every request and so must answer
    from memory. `start` and `close` are for those that need a thread or a connection.
    """

    ready: bool = True
    """Whether `state` may be asked for at once; else `wait_until_ready` comes first."""

    def state(self) -> State:
        """What holds now. Called on each request: quick, and never raising."""
        raise NotImplementedError(f"{type(self).__name__}.state")

    def start(self) -> None:
        """Begin to watch, if there is something to watch; returns at once. Idempotent."""

    async def wait_until_ready(self) -> None:
        """Return as soon as `state` can be trusted, or when waiting longer does no good."""

    def close(self) -> None:
        """Stop what `start` began. The last known state stays."""

    async def get_value(self) -> bool:
        """Whether the whole application is refused now."""
        return self.state().reads is not None

    @staticmethod
    def _str_to_bool(value: str) -> bool:
        """The meaning of a true or false word; raises ValueError for any other."""
        word = value.strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            known = ", ".join(sorted(TRUE_WORDS | FALSE_WORDS))
            raise ValueError(f"{value!r} is neither true nor false; known words: {known}")
        return word in TRUE_WORDS

    @staticmethod
    def _bool_to_str(value: bool) -> str:
        """The word that stands for a boolean."""
        return "1" if value else "0"


def state_of_word(word: str, *, source: str = "", probes_pass: bool = False) -> State:
    """The state that a switch with this word means: on, off, or read-only.

    Raises:
        ValueError: the word is none of the known ones.
    """
    mode = Mode.READ_ONLY if word.strip().lower() == READ_ONLY_WORD else Mode.FULL
    if mode is Mode.FULL and not BaseStateBackend._str_to_bool(word):
        return OFF
    return switched(Opening(mode=mode, source=source, probes_pass=probes_pass))


def wall_clock() -> float:
    """POSIX seconds: windows are about the time of day, so a step of the clock counts."""
    return time.time()
