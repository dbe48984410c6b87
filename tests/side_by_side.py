"""How `make test` shares the tests out among processes that run side by side (pytest-xdist).

Each process has a control plane, an operator and ports of its own, so that no test is disturbed by
what another one stops or breaks. A file stays whole, since its tests share what its module has
started. What takes long comes first, and the short files of `tests/unit` last, so that all
processes end at about the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

WHOLE = ("tests/e2e", "tests/servers")
"""Folders whose files share what takes long to start, and so stay in one process."""
FIRST = "tests/e2e"
"""Minutes in one process: the others must not wait for it in the end."""


def put_first(items: list[pytest.Item]) -> None:
    """Put the longest folder before all others, which are in the order of their names."""
    items.sort(key=lambda item: not item.nodeid.startswith(f"{FIRST}/"))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Shares out files, or whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in WHOLE else file
