"""The same program sees the same under the published 0.0.5, where that is right, and under ours."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.documented import published, scenarios
from tests.documented.conftest import missing

PROGRAM = Path(__file__).with_name("scenarios.py")
NAMES = [scenario.__name__ for scenario in scenarios.SCENARIOS]

Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def installed() -> Path:
    try:
        return published.folder()
    except subprocess.CalledProcessError as error:
        missing(f"fastapi-maintenance 0.0.5 can't be installed: {error.stderr.strip()[-300:]}")
        raise


@pytest.fixture(scope="module")
def theirs(installed: Path) -> Seen:
    """What 0.0.5 does, with FastAPI 0.115."""
    return _seen(published.run(PROGRAM, installed), installed)


@pytest.fixture(scope="module", params=["FastAPI 0.115", "the FastAPI that is here"])
def ours(request: pytest.FixtureRequest, installed: Path) -> Seen:
    """What this package does."""
    path = (published.ROOT, installed) if request.param == "FastAPI 0.115" else ()
    return _seen(published.run(PROGRAM, *path), published.ROOT)


def _seen(printed: Any, folder: Path) -> Seen:
    assert Path(printed["package"]).is_relative_to(folder), printed["package"]
    seen: Seen = printed["seen"]
    return seen


@pytest.mark.parametrize("name", [n for n in NAMES if n != "names"])
def test_the_same_is_seen(theirs: Seen, ours: Seen, name: str) -> None:
    assert ours[name] == theirs[name]


def test_no_name_and_no_argument_is_missing(theirs: Seen, ours: Seen) -> None:
    """There may be more names, and more arguments that have a default."""
    for module in ("package", "backends"):
        assert set(theirs["names"][module]) <= set(ours["names"][module])
    assert ours["names"]["coroutines"] == theirs["names"]["coroutines"]
    for name, parameters in theirs["names"]["signatures"].items():
        given = dict(enumerate(ours["names"]["signatures"][name]))
        for index, (word, kind, default) in enumerate(parameters):
            own_word, own_kind, own_default = given[index]
            assert own_kind == kind, (name, word)
            assert own_word == word or kind == "VAR_KEYWORD", (name, word)
            assert own_default == default or default == scenarios.NO_DEFAULT, (name, word)
        more = [parameter for index, parameter in given.items() if index >= len(parameters)]
        assert all(default != scenarios.NO_DEFAULT for _, _, default in more), (name, more)
