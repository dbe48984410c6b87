"""Whatever processes, users and the operator do in whichever order: `Drained=True` is never wrong.

The application's own code and the operator's, on a real API server; hypothesis chooses the order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fastapi_maintenance import K8sBackend, MaintenanceActive
from tests.cluster.windows import apply_window, condition, get_window, in_seconds
from tests.waiting import wait_for

if TYPE_CHECKING:
    from fastapi_maintenance.backends.work import Work
    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

EXAMPLES = int(os.environ.get("DRAINED", "5"))
"""`make drained` asks for more."""
ROLE = "fastapi-maintenance-application"
MOST_PROCESSES, MOST_WORK = 3, 3
PATIENCE = 60.0

Spec = dict[str, Any]
SPECS: tuple[Spec, ...] = ({}, {"mode": "ReadOnly"}, {"match": {"methods": ["GET"]}})
"""What windows refuse: everything, all that writes, and nothing that runs here."""


@dataclass(frozen=True)
class Place:
    """Where it all happens."""

    kubectl: Kubectl
    namespace: str
    identity: Identity
    operator: Operator


@dataclass
class Process:
    """A process of the application, and what runs in it."""

    backend: K8sBackend
    work: list[Work] = field(default_factory=list)

    def begin(self) -> bool:
        """Whether it lets in a piece of work."""
        work = self.backend.work("export")
        try:
            work.__enter__()
        except MaintenanceActive:
            return False
        self.work.append(work)
        return True

    def end(self) -> None:
        """Finish the oldest piece of work."""
        self.work.pop(0).__exit__(None, None, None)


class Drains(RuleBasedStateMachine):
    """Up to three processes, one window, and an operator that may be killed."""

    place: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.serving: list[Process] = []
        self.stopping: list[Process] = []
        self.spec: Spec | None = None
        """What the window refuses, if there is one."""

    @initialize()
    def begin(self) -> None:
        """Something runs before any window is there."""
        self.start_process()
        assert self.serving[0].begin()

    @precondition(lambda self: len(self.serving) < MOST_PROCESSES)
    @rule()
    def start_process(self) -> None:
        backend = K8sBackend(
            "orders",
            kubeconfig=self.place.identity.kubeconfig,
            namespace=self.place.namespace,
            report=True,
            sync_timeout=PATIENCE,
        )
        backend.start()
        backend.wait()
        self.serving.append(Process(backend))

    @precondition(lambda self: self.serving)
    @rule(data=st.data())
    def begin_work(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.serving))
        if len(process.work) < MOST_WORK:
            process.begin()

    @precondition(lambda self: any(p.work for p in self.serving + self.stopping))
    @rule(data=st.data())
    def end_work(self, data: st.DataObject) -> None:
        busy = [p for p in self.serving + self.stopping if p.work]
        data.draw(st.sampled_from(busy)).end()

    @precondition(lambda self: self.serving)
    @rule(data=st.data())
    def stop_process(self, data: st.DataObject) -> None:
        """Though something may run in it."""
        process = data.draw(st.sampled_from(self.serving))
        self.serving.remove(process)
        self.stopping.append(process)
        process.backend.close()

    @rule(spec=st.sampled_from(SPECS), hours=st.integers(1, 9), patient=st.booleans())
    def apply_the_window(self, spec: Spec, hours: int, patient: bool) -> None:
        """Create it, extend or shorten it, or change whom it refuses; and wait for that, or not."""
        end = in_seconds(3600 * hours)
        place = (self.place.kubectl, "upgrade", self.place.namespace)
        apply_window(*place, start="2026-01-01T00:00:00Z", end=end, **spec)
        self.spec = spec
        if patient and self.can_be_enforced:
            self.enforce()

    @precondition(lambda self: self.spec is not None)
    @rule()
    def delete_the_window(self) -> None:
        self.place.kubectl("delete", "mw", "upgrade", "-n", self.place.namespace)
        self.spec = None

    @precondition(lambda self: self.spec is not None)
    @rule()
    def recreate_the_window(self) -> None:
        spec = self.spec or {}
        self.delete_the_window()
        self.apply_the_window(spec, hours=1, patient=False)

    @precondition(lambda self: self.spec is not None)
    @rule()
    def kill_the_operator(self) -> None:
        self.place.operator.kill()
        self.place.operator.start()

    @precondition(lambda self: self.can_be_enforced)
    @rule()
    def enforce(self) -> None:
        """All acknowledge; then Drained has a reason to be true, or none."""
        wait_for(lambda: self.say("Enforced") == "True", PATIENCE, "Enforced")

    @precondition(lambda self: self.serving and self.refuses and not self.running)
    @rule()
    def drain(self) -> None:
        """Where nothing runs any more, it becomes true."""
        wait_for(lambda: self.say("Drained") == "True", PATIENCE, "Drained")

    @invariant()
    def drained_is_never_wrong(self) -> None:
        if self.refuses and self.say("Drained") == "True":
            assert self.running == 0
            assert not any(process.begin() for process in self.serving)

    @property
    def refuses(self) -> bool:
        """Whether there is a window that refuses what runs here."""
        return self.spec is not None and "match" not in self.spec

    @property
    def can_be_enforced(self) -> bool:
        """A process that is stopping hears of no other window, and is waited for until its end."""
        ending = any(process.work for process in self.stopping)
        return bool(self.serving) and self.refuses and not ending

    @property
    def running(self) -> int:
        """How much runs in all processes."""
        return sum(len(process.work) for process in self.serving + self.stopping)

    def say(self, kind: str) -> str:
        """What a condition says of the window as it stands."""
        window = get_window(self.place.kubectl, "upgrade", self.place.namespace)
        found = condition(window, kind)
        about_now = found.get("observedGeneration") == window["metadata"]["generation"]
        return str(found["status"]) if about_now else ""

    def teardown(self) -> None:
        for process in self.serving + self.stopping:
            while process.work:
                process.end()
            process.backend.close()
        if self.spec is not None:
            self.delete_the_window()


@pytest.mark.timeout(120 + 240 * EXAMPLES)
def test_drained_is_never_true_while_a_process_admits_or_runs_what_is_refused(
    kubectl: Kubectl, namespace: str, operator: Operator, service_account: ServiceAccounts
) -> None:
    class Here(Drains):
        place = Place(kubectl, namespace, service_account("orders", cluster_role=ROLE), operator)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # what is a matter of moments does not happen again
            suppress_health_check=list(HealthCheck),
        ),
    )
