"""Timings that change while the pool runs, and referees that see what would go wrong."""

from dataclasses import replace

import pytest

from hadelect.core import election
from hadelect.core.events import Event, Received
from hadelect.core.messages import AliveAck
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Arbitration, Millis, Rules
from hadelect.sim.drawing import TIMINGS, timed
from hadelect.sim.faults import Faults
from hadelect.sim.referees import BrokenPromise
from hadelect.sim.swarm import agreed
from hadelect.sim.world import REAL_CORE, Core, World, pool_of

LONG = (2000, 10_000, 1667)
SHORT = (200, 1000, 250)
SLOW = Faults(
    delay_ms=(20, 20), one_way_streams=True
)  # So that something is under way at every reload.


def pool(core: Core, timing: tuple[int, int, int], mode: Arbitration) -> World:
    rules = tuple(timed(each, timing) for each in pool_of(3, 0, mode))
    world = World(rules, 4, SLOW, core)
    for machine in world.machines.values():
        machine.power_on()
    world.run_for(15_000)
    assert agreed(world)
    world.referees.causes.entries.clear()
    world.referees.settle()
    return world


def reload(world: World, name: str, timing: tuple[int, int, int]) -> None:
    machine = next(m for m in world.machines.values() if m.name == name)
    machine.reload(timed(machine.rules, timing), "another timing")


def cut_off_and_reloaded(core: Core, old: tuple[int, int, int], new: tuple[int, int, int]) -> None:
    """An Alive is heard and acked; the leader is cut off and reloads before the ack comes."""
    world = pool(core, old, Arbitration.MAJORITY)
    leader = world.leaders()[0]
    daemon = world.machines[leader].daemon
    assert daemon is not None
    assert daemon.state.leading is not None
    due = world.machines[leader].clock.when(daemon.state.leading.alive_due)
    world.run_until(due + 21)
    world.cut((leader, name) for name in world.names if name != leader)
    reload(world, leader, new)
    world.run_for(30_000)


def new_lease_for_old_acks(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    """Broken on purpose: an ack counts for the lease that is configured when it comes."""
    if isinstance(event, Received) and isinstance(event.message, AliveAck):
        ack = event.message
        counted = replace(ack, lease_ms=rules.lease_ms if ack.lease_ms else ack.lease_ms)
        event = replace(event, message=counted)
    return election.step(rules, state, event, now)


def short_promises(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    """Broken on purpose: a voter's promise is as long as its last Alive said, no longer."""
    held = state.promise
    lost = state if held is None else replace(state, promise=replace(held, until=Millis(0)))
    return election.step(rules, lost, event, now)


@pytest.mark.parametrize("old, new", [(SHORT, LONG), (LONG, SHORT)])
def test_a_leader_that_is_cut_off_and_reloads(
    old: tuple[int, int, int], new: tuple[int, int, int]
) -> None:
    """Never two: what was acked before counts as it was promised."""
    cut_off_and_reloaded(REAL_CORE, old, new)


def test_an_old_ack_that_counts_for_a_new_lease_makes_two() -> None:
    """The referee sees it."""
    with pytest.raises(BrokenPromise, match="two controllees"):
        cut_off_and_reloaded(Core(step=new_lease_for_old_acks), SHORT, LONG)


def test_a_voter_that_forgets_its_longer_promise_makes_two() -> None:
    """The leader may count on the longer one: the referee sees who does not keep it."""

    def shorten(core: Core) -> None:
        world = pool(core, LONG, Arbitration.MAJORITY)
        leader = world.leaders()[0]
        for name in world.names:
            reload(world, name, SHORT)
        world.run_for(100)
        world.cut((leader, name) for name in world.names if name != leader)
        world.run_for(30_000)

    shorten(REAL_CORE)
    with pytest.raises(BrokenPromise, match="two controllees"):
        shorten(Core(step=short_promises))


@pytest.mark.parametrize("mode", list(Arbitration))
@pytest.mark.parametrize("new", sorted(set(TIMINGS)))
@pytest.mark.parametrize("old", [LONG, SHORT, (500, 3000, 500)])
def test_a_rolling_change_moves_nothing(
    old: tuple[int, int, int], new: tuple[int, int, int], mode: Arbitration
) -> None:
    """From any timing to any other, leader first or last: same leader, term and controllee."""
    for order in (1, -1):
        world = pool(REAL_CORE, old, mode)
        trees = [machine.tree for machine in world.machines.values()]
        for name in world.names[::order]:
            reload(world, name, new)
            world.run_for(5_000)
        world.run_for(30_000)
        assert [machine.tree for machine in world.machines.values()] == trees
        assert agreed(world)


@pytest.mark.parametrize("mode", list(Arbitration))
def test_a_storm_of_reloads_moves_nothing(mode: Arbitration) -> None:
    """Another timing every 7 ms at one member or another."""
    world = pool(REAL_CORE, (500, 3000, 500), mode)
    trees = [machine.tree for machine in world.machines.values()]
    for turn in range(15_000 // 7):
        reload(world, world.names[turn % 3], TIMINGS[turn % len(TIMINGS)])
        world.run_for(7)
    assert [machine.tree for machine in world.machines.values()] == trees
