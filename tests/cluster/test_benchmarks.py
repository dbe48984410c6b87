"""The benchmarks that need a real API server run and report; how fast is not asked here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import flip, reconnect
from benchmarks.flip_report import report as report_flips

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.target import Cluster


@pytest.mark.owns_control_plane
@pytest.mark.timeout(600)
def test_flips_are_taken_of_each_kind_of_watch(cluster: Cluster) -> None:
    """One backend as applications have it, and several that share processes."""
    measured = {watches: flip.measure(cluster, watches, 3) for watches in (1, 3)}
    for watches, kinds in measured.items():
        for taken in kinds.values():
            assert len(taken.milliseconds) == watches * 6
            assert min(taken.milliseconds) > 0
            assert len(taken.cpu) == 5
            assert len(taken.handled) == (6 if watches == 1 else 0)
    text = report_flips(measured, flip.measure_users(cluster, 2))
    assert text.count("| backend |") == 4
    assert "| the first request refused |" in text


@pytest.mark.owns_control_plane
@pytest.mark.timeout(600)
def test_requests_are_counted_until_the_last_watch_is_back(
    cluster: Cluster, control_plane: ControlPlane
) -> None:
    storm = reconnect.measure(cluster, 6, away=1.0)
    assert sum(storm.asked) >= sum(storm.answered) >= 18  # a watch, a list and a watch of each
    assert storm.answered[0] == 0
    assert 1.0 <= storm.listening <= storm.last_back
    assert "More requests in a second than allowed" in reconnect.report(storm, 6, 1.0)
    assert reconnect.draw(storm, 6, 1.0).count("<rect") >= len(storm.asked)
