"""Maintenance by an environment variable, read live."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable

from fastapi_maintenance.windows import OFF, State

from .base import BaseStateBackend, state_of_word
from .blocks import blocks_of

DEFAULT_VARIABLE = "FASTAPI_MAINTENANCE_MODE"

logger = logging.getLogger(__name__)


class EnvVarBackend(BaseStateBackend):
    """On while the variable holds a true word, for writes only while it holds ``read-only``.

    Args:
        var_name: the variable; default ``FASTAPI_MAINTENANCE_MODE``.
    """

    def __init__(self, var_name: str | None = None) -> None:
        self.var_name = var_name or DEFAULT_VARIABLE
        self._raw_name = getattr(os.environ, "encodekey", str)(self.var_name)
        self._raw: object = None
        self._blocks = self._own_blocks = blocks_of((type(self), self.var_name))
        self._state = OFF

    def state(self) -> State:
        """What the variable says now; a word that says nothing keeps the last state."""
        try:
            # `os.environ.get` raises and catches a KeyError where there is none: ten times as dear.
            raw = os.environ._data.get(self._raw_name)  # type: ignore[attr-defined]
        except AttributeError:
            raw = os.environ.get(self.var_name)
        if raw != self._raw:
            self._raw = raw
            self._state = self._read(os.environ.get(self.var_name))
        return self._state

    def decide(self, fixed: State | None = None) -> State:
        """What holds now; in one call where no block is open and the variable is as it was."""
        try:
            same = os.environ._data.get(self._raw_name) == self._raw  # type: ignore[attr-defined]
        except AttributeError:
            same = False
        if same and fixed is None and self._own_blocks.innermost is None:
            return self._state
        return super().decide(fixed)

    def state_key(self) -> Hashable:
        """The variable."""
        return self.var_name

    async def set_value(self, value: bool) -> None:
        """Change nothing, and say so: a process cannot set the environment of others."""
        logger.warning(
            "environment variable %s: maintenance can't be turned %s by writing it; set it before "
            "the start, use maintenance_mode_on() for a while, or a backend that can be written",
            self.var_name,
            "on" if value else "off",
        )

    def _read(self, word: str | None) -> State:
        if word is None or not word.strip():
            return OFF
        try:
            return state_of_word(word)
        except ValueError as error:
            logger.error(
                "environment variable %s: %s; maintenance is unchanged", self.var_name, error
            )
            return self._state
