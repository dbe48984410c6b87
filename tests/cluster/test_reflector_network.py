"""A network that swallows what is sent: found, bounded, and over when it is over."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from fastapi_maintenance.backends.kubernetes.pace import Pace
from tests.cluster import network
from tests.cluster.following import ROLE, create
from tests.cluster.network import NEAR, Forwarder, Network
from tests.controlplane.pki import write_kubeconfig
from tests.leash import Leashed

if TYPE_CHECKING:
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cable() -> Iterator[Network]:
    """A network whose cable can be pulled."""
    if reason := network.why_not():
        pytest.skip(reason)
    with Network() as made:
        yield made


@pytest.mark.owns_control_plane
def test_18_a_black_hole_bounds_each_try_and_is_over_when_it_is_over(
    cluster: Cluster,
    cable: Network,
    kubectl: Kubectl,
    namespace: str,
    service_account: ServiceAccounts,
    tmp_path: Path,
) -> None:
    """A process behind a cable that is pulled: its watch goes silent, its tries find nobody."""
    assert Pace().connect <= 10
    create(kubectl, namespace, "before")
    account = service_account("orders", cluster_role=ROLE)
    forwarder = Forwarder(NEAR, int(urlsplit(cluster.endpoint["server"]).port or 443))
    endpoint = cluster.endpoint | {
        "server": f"https://{NEAR}:{forwarder.port}",
        "tls-server-name": "localhost",
    }
    user = {"tokenFile": str(account.token_file)}
    kubeconfig = write_kubeconfig(
        tmp_path / "kubeconfig", cluster=endpoint, user=user, namespace=namespace
    )
    log = tmp_path / "follower.log"
    command = [*cable.prefix, sys.executable, "-m", "tests.cluster.follower", str(kubeconfig)]

    def said() -> list[dict[str, Any]]:
        lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    try:
        with Leashed(command, log=log, cwd=ROOT) as follower:
            follower.wait_for(
                lambda: said()[-1]["names"] == ["before"] and said()[-1]["watching"],
                30,
                "the first window, and the watch",
            )
            cable.pull()
            follower.wait_for(
                lambda: any("nothing came for 2 s" in str(x["error"]) for x in said()),
                30,
                "the silence to be found",
            )
            follower.wait_for(
                lambda: any("no connection within 2 s" in str(x["error"]) for x in said()),
                30,
                "a try to end",
            )
            create(kubectl, namespace, "meanwhile")
            assert said()[-1]["names"] == ["before"]
            cable.plug()
            follower.wait_for(
                lambda: (
                    said()[-1]
                    == {
                        "names": ["before", "meanwhile"],
                        "error": None,
                        "watching": True,
                    }
                ),
                30,
                "all to be known",
            )
    finally:
        forwarder.close()
