"""Maintenance by an environment variable, read live."""

from __future__ import annotations

import logging
import os

from fastapi_maintenance.windows import OFF, State

from .base import BaseStateBackend, state_of_word

DEFAULT_VARIABLE = "FASTAPI_MAINTENANCE_MODE"

logger = logging.getLogger(__name__)


class EnvVarBackend(BaseStateBackend):
    """On while the variable holds a true word, for writes only while it holds ``read-only``.

    Args:
        var_name: the variable; default ``FASTAPI_MAINTENANCE_MODE``.
    """

    def __init__(self, var_name: str | None = None) -> None:
        self.var_name = var_name or DEFAULT_VARIABLE
        self._word: str | None = None
        self._state = OFF

    def state(self) -> State:
        """What the variable says now; a word that says nothing keeps the last state."""
        word = os.environ.get(self.var_name)
        if word != self._word:
            self._word = word
            self._state = self._read(word)
        return self._state

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
