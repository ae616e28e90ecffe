"""Each referee fires when its promise is broken on purpose, by a broken core or a broken world."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hadelect.core import election
from hadelect.core.effects import Persist, Record, Start, Stop
from hadelect.core.events import ControlleeChanged, Event, Received, Tick
from hadelect.core.messages import Proof
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Arbitration, Millis, Name, Role, Rules, Term
from hadelect.sim.bounds import bound_ms
from hadelect.sim.faults import Faults
from hadelect.sim.referees import BrokenPromise
from hadelect.sim.swarm import agreed, liveness
from hadelect.sim.world import REAL_CORE, Core, World, pool_of

SETTLE_MS = 6000


def world_of(
    size: int = 3,
    arbitration: Arbitration = Arbitration.MAJORITY,
    core: Core = REAL_CORE,
    faults: Faults | None = None,
) -> World:
    world = World(pool_of(size, 0, arbitration), 4, faults or Faults())
    world.core = core
    for machine in world.machines.values():
        machine.power_on()
    return world


def settled(arbitration: Arbitration = Arbitration.MAJORITY, core: Core = REAL_CORE) -> World:
    world = world_of(arbitration=arbitration, core=core)
    world.run_for(SETTLE_MS)
    assert agreed(world)
    world.referees.causes.entries.clear()
    world.referees.settle()
    return world


def stubborn(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    """A leader that hears nobody."""
    if state.role is Role.LEADER and isinstance(event, Received):
        return Decision(replace(state, now=now))
    return election.step(rules, state, event, now)


def leader_tree(world: World) -> tuple[Name, Term]:
    name = world.leaders()[0]
    tree = world.machines[name].tree
    assert tree is not None
    return name, tree.term


def test_two_controllees_in_majority() -> None:
    """Safety 1: a second tree anywhere is seen at the instant at which it starts."""
    world = settled()
    other = world.machines[Name("cm3")]
    assert other.supervisor is not None
    with pytest.raises(BrokenPromise, match="two controllees run: cm1 .*, cm3"):
        other.supervisor.init.start(Term(66), Millis(10**9))


def test_two_controllees_without_a_partition() -> None:
    """Safety 2: mode none allows two only while their machines are parted."""
    world = settled(Arbitration.NONE)
    other = world.machines[Name("cm3")]
    assert other.supervisor is not None
    with pytest.raises(BrokenPromise, match="although they could talk"):
        other.supervisor.init.start(Term(66), Millis(10**9))


def test_an_overlap_that_lasts_longer_than_the_partition() -> None:
    """Safety 2: two leaders that never step down after the partition has healed are seen."""
    world = settled(Arbitration.NONE, core=Core(step=stubborn))
    world.cut([(Name("cm1"), Name(n)) for n in ("cm2", "cm3")])
    world.cut([(Name(n), Name("cm1")) for n in ("cm2", "cm3")])
    world.run_for(8000)
    assert len(world.referees.running) == 2
    world.heal()
    with pytest.raises(BrokenPromise, match="although they could talk"):
        world.run_for(30_000)


def test_one_term_led_twice() -> None:
    """Safety 3: a core that takes any number it likes ends up with two leaders of one term."""

    def step(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        if isinstance(event, Tick) and now > state.since + 3500 and state.role is Role.PASSIVE:
            return Decision(replace(state, now=now, role=Role.LEADER, term=Term(64)))
        return election.step(rules, state, event, now)

    world = world_of(core=Core(step=step, wake_at=lambda _, state: Millis(state.now + 100)))
    for one in world.names:
        world.cut([(one, other) for other in world.names if other != one])
    with pytest.raises(BrokenPromise, match="term 64 is led by cm1 and cm"):
        world.run_for(8000)


def test_a_term_of_somebody_else() -> None:
    """Safety 3: the remainder of a term names its leader."""
    world = settled()
    daemon = world.machines[Name("cm2")].daemon
    assert daemon is not None
    before = daemon.state
    daemon.state = replace(before, role=Role.LEADER, term=Term(128))
    with pytest.raises(BrokenPromise, match="not one of cm2's"):
        world.referees.role_changed(daemon, before)


def test_a_vote_given_twice() -> None:
    """Safety 3: two votes of one member in one term."""
    world = settled()
    world.referees.persisted(Name("cm3"), Record(term=Term(640), vote=Name("cm1")))
    with pytest.raises(BrokenPromise, match="cm3 votes for cm1 and cm2 in term 640"):
        world.referees.persisted(Name("cm3"), Record(term=Term(640), vote=Name("cm2")))


def test_a_token_that_goes_backwards() -> None:
    """Safety 4: the controllee is never handed a term below one that was handed out before."""
    world = settled()
    name, term = leader_tree(world)
    tree = world.machines[name].tree
    assert tree is not None
    tree.term = Term(term - 1)
    with pytest.raises(BrokenPromise, match="fencing token"):
        world.referees.retitled(tree)


def test_a_start_without_votes() -> None:
    """Safety 5: a core that never writes its votes down starts a term that did not win."""

    def step(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        decided = election.step(rules, state, event, now)
        blank = tuple(
            replace(effect, record=replace(effect.record, vote=None))
            if isinstance(effect, Persist)
            else effect
            for effect in decided.effects
        )
        return Decision(decided.state, blank)

    world = world_of(core=Core(step=step))
    with pytest.raises(BrokenPromise, match=r"with the votes of \[\] only"):
        world.run_for(SETTLE_MS)


def test_a_start_by_a_member_that_does_not_lead() -> None:
    """Safety 5: only who led a term may start it."""

    def step(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        decided = election.step(rules, state, event, now)
        if isinstance(event, Tick) and state.role is Role.PASSIVE and rules.me == "cm3":
            return decided.plus(Start(Term(66), Millis(now + 9000)))
        return decided

    world = world_of(core=Core(step=step))
    with pytest.raises(BrokenPromise, match="cm3 starts term 66, which it never led"):
        world.run_for(3000)


def test_a_tree_that_outlives_its_authority() -> None:
    """Safety 5: an init that does not keep the deadline, and nobody else who does."""
    world = settled()
    machine = world.machines[world.leaders()[0]]
    for process in (machine.tree, machine.daemon, machine.supervisor):
        assert process is not None
        process.sigstop()  # All three: this is outside the promise.
    with pytest.raises(BrokenPromise, match="outlives its authority|two controllees"):
        world.run_for(10_000)


def test_a_secret_told_too_early() -> None:
    """Safety 6: a death notice while the tree lives."""
    world = settled()
    name, term = leader_tree(world)
    with pytest.raises(BrokenPromise, match="its tree lives"):
        world.referees.secret_revealed(Proof(term, name, "00"))


def forever_passive(rules: Rules, state: State) -> Millis:
    del rules
    return Millis(state.now + 1000)


def deaf(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    return Decision(replace(state, now=now))


def test_no_leader_after_healing() -> None:
    """Liveness: a pool that never elects is reported, with who sees what."""
    world = world_of(core=Core(step=deaf, wake_at=forever_passive))
    with pytest.raises(BrokenPromise, match="no agreement .* ms after healing: cm1 PRE"):
        liveness(world)


def test_a_bound_is_derived_from_the_rules() -> None:
    """A longer lease or a larger pool may take longer, and nothing else."""
    small, large = pool_of(3)[0], pool_of(9)[0]
    assert bound_ms(small, Faults()) < bound_ms(large, Faults())
    slow = replace(small, lease_ms=Millis(30_000))
    assert bound_ms(slow, Faults()) > bound_ms(small, Faults()) + 3 * 27_000


def resigns_of_its_own(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    decided = election.step(rules, state, event, now)
    if isinstance(event, Tick) and state.role is Role.LEADER and now > state.since + 20_000:
        stopped = Stop(state.term, kill=True, because="a whim")
        return decided.plus(stopped)
    return decided


def test_a_move_without_a_cause() -> None:
    """Stability: a leader that stops its controllee on a whim."""
    world = settled(core=Core(step=resigns_of_its_own))
    with pytest.raises(BrokenPromise, match="without a cause: the controllee of cm1"):
        world.run_for(30_000)


def restarts_on_a_standbys_death(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    decided = election.step(rules, state, event, now)
    peers = [peer for peer in state.peers if now - peer.heard_at > 2 * rules.lease_ms]
    if state.role is Role.LEADER and peers and not isinstance(event, ControlleeChanged):
        return decided.plus(Stop(state.term, kill=True, because="a peer is silent"))
    return decided


def test_a_standby_is_no_cause() -> None:
    """Stability: the crash of a standby that nobody needs moves nothing."""
    world = settled(core=Core(step=restarts_on_a_standbys_death))
    world.machines[Name("cm3")].power_off()
    with pytest.raises(BrokenPromise, match="without a cause"):
        world.run_for(20_000)


def test_a_mute_member_backs_nobody() -> None:
    """Stability: the other standby is needed while one that was wiped may not promise anything."""
    world = settled()
    wiped, other = (world.machines[Name(name)] for name in ("cm2", "cm3"))
    wiped.power_off()
    wiped.wipe()
    wiped.power_on()
    while wiped.daemon is None or wiped.daemon.state.leader != "cm1":
        world.run_for(10)
    assert not world.referees.causes.entries
    other.power_off()
    assert world.referees.causes.entries
    world.run_for(5000)
    assert world.counters["controllees killed at their deadline"]


def test_a_disk_that_works_again_may_make_a_leader() -> None:
    """Stability: the pool is parted, and one part had nobody that could write down its vote."""
    world = settled(Arbitration.NONE)
    alone = world.machines[Name("cm3")]
    alone.disk.full = True
    for other in ("cm1", "cm2"):
        world.cut([(Name(other), alone.name), (alone.name, Name(other))])
    world.run_for(bound_ms(alone.rules, world.faults) + 1000)
    assert world.leaders() == ["cm1"]
    world.referees.causes.entries.clear()
    alone.disk.recover()
    world.run_for(5000)
    assert world.leaders() == ["cm1", "cm3"]


@pytest.mark.parametrize(
    "happens",
    [
        lambda world: world.machines[Name("cm3")].power_off(),
        lambda world: world.machines[Name("cm3")].kill_daemon(),
        lambda world: world.machines[Name("cm1")].pause(("daemon",), 1000),
        lambda world: world.cut([(Name("cm1"), Name("cm3")), (Name("cm3"), Name("cm1"))]),
        lambda world: world.machines[Name("cm1")].disk.stall(world.now + 5000),
    ],
    ids=["standby lost", "standby crashes", "short pause", "one link cut", "slow disk"],
)
def test_what_is_harmless_moves_nothing(happens: Callable[[World], None]) -> None:
    """Stability: the real core bears it, and the ledger names no cause for it."""
    world = settled()
    happens(world)
    world.run_for(1000)
    world.machines[Name("cm1")].resume()
    assert not world.referees.causes.entries
    world.run_for(60_000)
    assert world.leaders() == ["cm1"]
