"""A namespace goes as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.shop import Application, Shop

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl
    from tests.e2e.helm import Helm
    from tests.e2e.target import Target

PATIENCE = 180  # seconds; the Pod's own end takes some of them


def test_a_namespace_with_an_open_window_is_deleted_without_help(
    cluster: Target, kubectl: Kubectl, installed: Helm
) -> None:
    """Its window, its plan, its Pods and what they reported."""
    shop = Shop(kubectl, f"{cluster.images}/orders:1")
    try:
        shop.open(Application("orders", replicas=1))
        shop.apply("upgrade", "orders")
        shop.await_condition("upgrade", "Enforced")
    finally:
        shop.close()
    kubectl("wait", "--for=delete", f"namespace/{shop.namespace}", f"--timeout={PATIENCE}s")
