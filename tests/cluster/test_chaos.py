"""One minute of chaos, from a seed: `make chaos` does ten, from another one each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.plan import SHORT
from tests.chaos.report import report
from tests.chaos.run import run

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator

SEED, SECONDS = 3, 60


@pytest.mark.owns_control_plane
@pytest.mark.timeout(600)
def test_no_decision_is_wrong_and_no_request_fails_whatever_fails_around_it(
    control_plane: ControlPlane, operator: Operator, service_account: ServiceAccounts
) -> None:
    identity = service_account("orders", cluster_role="fastapi-maintenance-application")
    result = run(identity, operator, SEED, SECONDS, SHORT)
    assert result.good, report(result)
    struck = {each.subject for each in result.happened}
    assert struck == {"apiserver", "etcd", "link", "operator"}
    for outcome in result.outcomes:
        assert outcome.requests > 500
        if not outcome.kind.planned:
            assert outcome.judgement.certain > outcome.requests / 10
