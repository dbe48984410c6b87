"""Tools that wait for objects behave: through creation, edit, mistake, mend and deletion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cluster.test_children import apply, get_parent, name, parent, select
from tests.cluster.test_operator import PAST
from tests.cluster.test_operator_times import edit
from tests.cluster.windows import apply_window, get_window, wait_for_condition
from tests.kstatus import Outcome, kstatus, kubectl_waits_for
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

__all__ = ["name"]
DENSE = {"schedule": "* * * * *", "timeZone": "Etc/UTC", "duration": "10s"}
ONCE = {"start": PAST, "schedule": None, "timeZone": None, "duration": None}


def settled(kubectl: Kubectl, window: str, namespace: str) -> Outcome:
    """What a tool says in the end: the first outcome that is not "in progress"."""

    def over() -> Outcome | None:
        found = kstatus(get_window(kubectl, window, namespace))
        return None if found is Outcome.IN_PROGRESS else found

    found = wait_for(over, 60, "the end of the wait")
    assert found is not None
    return found


def test_a_new_window_is_in_progress_until_the_operator_has_seen_it(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """The default of the CRD says so: without conditions, an object is taken for done."""
    operator.stop()
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    fresh = get_window(kubectl, "upgrade", namespace)
    assert kstatus(fresh) is Outcome.IN_PROGRESS
    assert kubectl_waits_for(fresh, "Ready")
    operator.start()
    assert settled(kubectl, "upgrade", namespace) is Outcome.CURRENT


def test_an_edit_is_in_progress_until_the_operator_has_seen_it(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """Though Ready is still True, from before; the generation tells."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    operator.stop()
    edit(kubectl, "upgrade", namespace, mode="ReadOnly")
    edited = get_window(kubectl, "upgrade", namespace)
    assert {c["type"]: c["status"] for c in edited["status"]["conditions"]}["Ready"] == "True"
    assert kstatus(edited) is Outcome.IN_PROGRESS
    assert all(kubectl_waits_for(edited, kind) for kind in ("Ready", "Active"))
    waited = kubectl(
        *("wait", "--for=condition=Active", "mw/upgrade", "-n", namespace, "--timeout=3s"),
        check=False,
    )
    assert "timed out" in waited.stderr
    operator.start()
    assert settled(kubectl, "upgrade", namespace) is Outcome.CURRENT
    wait_for_condition(kubectl, "upgrade", namespace, "Active")


def test_what_cannot_work_fails_at_once_and_is_current_when_mended(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """So that `helm --wait` and Flux need not wait for their timeout."""
    apply_window(kubectl, "dense", namespace, **DENSE)
    assert settled(kubectl, "dense", namespace) is Outcome.FAILED
    edit(kubectl, "dense", namespace, **ONCE)
    assert settled(kubectl, "dense", namespace) is Outcome.CURRENT
    assert not kubectl_waits_for(get_window(kubectl, "dense", namespace), "Ready")


def test_a_deletion_is_over_at_once(kubectl: Kubectl, namespace: str, operator: Operator) -> None:
    """Nothing is ever seen terminating: there is no finalizer, operator or not."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    operator.stop()
    kubectl("delete", "mw", "upgrade", "-n", namespace, "--wait=false")
    assert kubectl("get", "mw", "-n", namespace, "-o", "name").stdout == ""


def test_a_parent_is_done_when_its_children_are(
    kubectl: Kubectl, namespace: str, name: str, operator: Operator
) -> None:
    """In progress before, failed where it can't work, current when that is mended."""

    def outcome() -> Outcome:
        return kstatus(get_parent(kubectl, name))

    def child() -> dict[str, Any]:
        return get_window(kubectl, name, namespace)

    operator.stop()
    select(kubectl, namespace, name)
    apply(kubectl, parent(name))
    assert outcome() is Outcome.IN_PROGRESS
    operator.start()
    wait_for(lambda: outcome() is Outcome.CURRENT, 60, "the parent to be done")
    assert kstatus(child()) is Outcome.CURRENT
    patch = json.dumps({"spec": {"start": None, **DENSE}})
    kubectl("patch", "cmw", name, "--type=merge", "-p", patch)
    wait_for(lambda: outcome() is Outcome.FAILED, 60, "the parent to fail")
    kubectl("patch", "cmw", name, "--type=merge", "-p", json.dumps({"spec": ONCE}))
    wait_for(lambda: outcome() is Outcome.CURRENT, 60, "the parent to be mended")
    kubectl("delete", "cmw", name, "--timeout=30s")
