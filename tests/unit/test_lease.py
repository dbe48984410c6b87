"""Who acts: never two at once, and soon another one when the leader is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance_operator.lease import Timings, make_identity
from tests.unit.elected import Candidate, LeaseServer, SimulatedClock

pytestmark = pytest.mark.anyio

Join = Callable[[str], Candidate]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
async def join(server: LeaseServer, clock: SimulatedClock) -> AsyncIterator[Join]:
    """Lets a candidate enter; all of them leave with the test."""
    entered: list[Candidate] = []

    def enter(name: str) -> Candidate:
        entered.append(Candidate(name, server, clock))
        return entered[-1]

    yield enter
    for candidate in entered:
        await candidate.die()


async def test_the_first_one_leads_and_the_second_stands_by(
    join: Join, clock: SimulatedClock, server: LeaseServer
) -> None:
    first, second = join("first"), join("second")
    await clock.run(60)
    assert (first.lease.held, second.lease.held) == (True, False)
    assert second.lease.standing_by
    assert not first.lease.standing_by
    assert set(server.writes) == {"first"}


async def test_a_leader_renews_every_two_seconds(
    join: Join, clock: SimulatedClock, server: LeaseServer
) -> None:
    join("first")
    await clock.run(61)
    assert len(server.writes) == 31
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 0


@pytest.mark.parametrize("lived", [20.0, 20.5, 21.0, 21.5, 21.99])
async def test_a_standby_leads_within_fifteen_seconds_of_the_leaders_death(
    join: Join, clock: SimulatedClock, server: LeaseServer, lived: float
) -> None:
    """Wherever between two renewals the leader dies, and not while it might still act."""
    first, second = join("first"), join("second")
    await clock.run(lived)
    await first.die()
    died = clock.time
    while not second.lease.held:
        await clock.run(0.1, lambda: none_of_two(first, second))
    assert clock.time - died <= 15
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1


def none_of_two(*candidates: Candidate) -> None:
    assert sum(candidate.lease.held for candidate in candidates) <= 1


async def test_a_leader_that_stops_gives_the_lease_back(join: Join, clock: SimulatedClock) -> None:
    first, second = join("first"), join("second")
    await clock.run(20)
    await first.stop()
    assert not first.lease.held
    await clock.run(2)
    assert second.lease.held


async def test_a_leader_that_was_frozen_may_not_act_when_it_wakes(
    join: Join, clock: SimulatedClock
) -> None:
    """Before anything of it has run, since its own clock went on."""
    first = join("first")
    await clock.run(20)
    clock.time += Timings().deadline
    assert not first.lease.held


async def test_a_leader_that_cannot_renew_stops_before_another_may_begin(
    join: Join, clock: SimulatedClock
) -> None:
    first, second = join("first"), join("second")
    await clock.run(20)
    first.line.down = True
    await clock.run(Timings().deadline + 0.1)
    assert (first.lease.held, second.lease.held) == (False, False)
    await clock.run(2.1)
    assert first.lost == ["not renewed for 8 s"]
    await clock.run(5, lambda: none_of_two(first, second))
    assert second.lease.held


async def test_a_leader_whose_lease_was_taken_stops_at_the_next_renewal(
    join: Join, clock: SimulatedClock, server: LeaseServer
) -> None:
    first = join("first")
    await clock.run(20)
    taken = server.read()
    taken["spec"]["holderIdentity"] = "somebody"
    server.write(taken)
    await clock.run(4.1)
    assert not first.lease.held
    assert first.lost == ["somebody holds it"]


async def test_an_outage_of_the_api_server_ends_a_term_and_not_the_process(
    join: Join, clock: SimulatedClock
) -> None:
    first = join("first")
    await clock.run(20)
    first.line.down = True
    await clock.run(300)
    assert not first.lease.held
    first.line.down = False
    await clock.run(2)
    assert first.lease.held


async def test_an_outage_is_told_once_and_not_asked_through_in_haste(
    join: Join, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Also of a standby, for which the Lease has ended meanwhile; a second one is news."""
    join("first")
    second = join("second")
    for outage in (1, 2):
        await clock.run(20)
        second.line.down = True
        await clock.run(300)
        assert second.line.refused <= outage * (300 / (0.8 * Timings().retry) + 1)
        assert caplog.messages.count("the Lease can't be asked for: down") == outage
        second.line.down = False


async def test_a_lease_that_somebody_touches_or_deletes_is_kept(
    join: Join, clock: SimulatedClock, server: LeaseServer
) -> None:
    first = join("first")
    await clock.run(20)
    server.write(server.read())  # another resource version
    await clock.run(4.1)
    server.lease = None
    await clock.run(4.1)
    assert first.lease.held
    assert first.lost == []
    assert server.read()["spec"]["holderIdentity"] == "first"


async def test_of_two_that_create_the_lease_at_once_one_leads(
    join: Join, clock: SimulatedClock
) -> None:
    first, second = join("first"), join("second")
    first.line.delays, second.line.delays = [(0.1, 0.1)] * 2, [(0.1, 0.1)] * 2
    await clock.run(5, lambda: none_of_two(first, second))
    assert first.lease.held != second.lease.held


async def test_no_process_has_the_identity_of_another() -> None:
    assert make_identity() != make_identity()


SECONDS = st.sampled_from([0.0, 0.1, 1.0, 2.9, 3.5])
FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["first", "second"]), st.sampled_from(["down", "up", "slow"]), SECONDS
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(faults=FAULTS)
async def test_whatever_the_network_does_two_never_act_at_once(
    faults: list[tuple[str, str, float]],
) -> None:
    """Requests that are lost, late on their way there, or whose answer comes too late."""
    clock, server = SimulatedClock(), LeaseServer()
    pair = {name: Candidate(name, server, clock) for name in ("first", "second")}
    for name, what, seconds in faults:
        line = pair[name].line
        line.down = what == "down"
        line.delays = [(seconds / 2, seconds), (0.0, seconds)] * 3 if what == "slow" else []
        await clock.run(3, lambda: none_of_two(*pair.values()))
    for candidate in pair.values():
        candidate.line.down, candidate.line.delays = False, []
    await clock.run(30, lambda: none_of_two(*pair.values()))
    assert sum(candidate.lease.held for candidate in pair.values()) == 1
    for candidate in pair.values():
        await candidate.die()
