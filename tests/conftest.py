"""Which cluster the tests run on is said on the command line, and only there."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cluster", "the cluster for tests/cluster")
    group.addoption(
        "--kubeconfig",
        type=Path,
        metavar="PATH",
        help="run on the cluster of this file, as an administrator, instead of on a control plane "
        "of our own. CRDs and rights are installed there, and stay. $KUBECONFIG is never used.",
    )
    group.addoption("--context", metavar="NAME", help="a context of that file (default: its own)")
    pods = parser.getgroup("pods", "the cluster for tests/e2e")
    pods.addoption(
        "--cluster",
        choices=("own", "kind", "current"),
        default="own",
        help="a node of our own (root on Linux), one in Docker, or your current context",
    )
    pods.addoption(
        "--images",
        metavar="REGISTRY/PREFIX",
        help="where your cluster finds the images that `make images` writes",
    )


def pytest_configure(config: pytest.Config) -> None:
    _hand_on_no_ignored_signals()
    _let_examples_take_their_time()
    if config.getoption("--context") and not config.getoption("--kubeconfig"):
        raise pytest.UsageError("--context chooses within a file: it needs --kubeconfig PATH")


def _hand_on_no_ignored_signals() -> None:
    """Under nohup, or behind `&` in a script, what tests start would ignore what they send it.

    Here they remain without effect: only what is ignored is handed on to a new program.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def _let_examples_take_their_time() -> None:
    """hypothesis would take a machine with other work to do for a test that is too slow."""
    if find_spec("hypothesis") is None:
        return
    from hypothesis import HealthCheck, settings

    unhurried = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("unhurried", settings.default, **unhurried)
    settings.load_profile("unhurried")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Somebody else's control plane is not ours to stop."""
    if hasattr(config, "workerinput"):
        from tests.side_by_side import put_first

        put_first(items)
    if not config.getoption("--kubeconfig"):
        return
    skip = pytest.mark.skip(
        reason="stops or changes the control plane itself: run it without --kubeconfig"
    )
    for item in items:
        if item.get_closest_marker("owns_control_plane"):
            item.add_marker(skip)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means: one more than processors, since tests wait a third of their time.

    A cluster that somebody named has one operator, which tests stop as they need: there, 0, which
    shares nothing out.
    """
    return 0 if config.getoption("--kubeconfig") else (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Imported late: not every environment that runs some of the tests has pytest-xdist."""
    from tests.side_by_side import ByFile

    return ByFile(config, log)
