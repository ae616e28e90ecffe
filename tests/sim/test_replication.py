"""Replication beside the election: the real policy keeps its promises; each referee can fire."""

from dataclasses import replace

import pytest

from hadelect.core.effects import Run
from hadelect.core.replication import policy
from hadelect.core.replication.effects import ErrandDone, Install
from hadelect.core.replication.events import Event
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Decision, State
from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import Arbitration, Cause, Errand, Millis, Name, Term
from hadelect.sim.contents import NOTHING, digest_of
from hadelect.sim.daemon import Daemon
from hadelect.sim.faults import Faults
from hadelect.sim.referees import BrokenPromise
from hadelect.sim.replica_faults import ReplicaFaults, replicated
from hadelect.sim.replica_policy import REAL_POLICY, Policy
from hadelect.sim.replica_store import Kept, Trouble
from hadelect.sim.replication import Pool, replicate
from hadelect.sim.swarm import bad_day, converge
from hadelect.sim.world import REPLICATING, Core, World, pool_of

CM1, CM2, CM3 = Name("cm1"), Name("cm2"), Name("cm3")
SETTLE_MS = 12_000


def pool_with(decides: Policy = REAL_POLICY) -> Pool:
    """Three members whose controllee writes twice a second; settled."""
    faults = ReplicaFaults()
    rules = replicated(pool_of(3, 0, Arbitration.MAJORITY), faults)
    world = World(rules, 4, Faults(), Core(replication=decides))
    pool = replicate(world, faults)
    for machine in world.machines.values():
        machine.power_on()
    world.run_for(SETTLE_MS)
    assert world.leaders() == [CM1]
    return pool


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(8))
def test_a_day_with_replication(seed: int) -> None:
    """Nothing is overwritten, lost unsaid, or left different, whatever happens on this day."""
    assert bad_day(seed, REPLICATING).counters["versions taken"]


def test_a_day_with_replication_is_one_day() -> None:
    """The same seed lives the same day, to the last throw of the dice."""
    assert bad_day(3, REPLICATING).digest() == bad_day(3, REPLICATING).digest()


def test_copies_follow_the_leader() -> None:
    """What the controllee writes is soon on every member."""
    pool = pool_with()
    converge(pool.world)
    assert len({store.live for store in pool.stores.values()}) == 1
    assert pool.stores[CM3].live != NOTHING


def test_a_crash_loses_no_more_than_the_lag() -> None:
    """The next leader starts on what it has, and had said how old that may be (referee 5)."""
    pool = pool_with()
    before = pool.stores[CM1].live
    pool.world.machines[CM1].power_off()
    pool.world.run_for(SETTLE_MS)
    (leader,) = pool.world.leaders()
    missing = pool.referees.contents.first_missing(pool.stores[leader].live, before)
    assert missing in {NOTHING, before}


def test_nothing_is_installed_while_a_controllee_runs() -> None:
    """Referee 1, and the lock that keeps its promise."""
    pool = pool_with()
    store = pool.stores[CM1]
    assert store.held is not None
    with pytest.raises(Trouble, match="a controllee runs"):
        store.install(store.held, "")
    with pytest.raises(BrokenPromise, match="installed under a running controllee"):
        pool.referees.replaced(pool.world.machines[CM1], store.live)


def test_what_is_overwritten_and_kept_nowhere_is_seen() -> None:
    """Referee 2: a copy that was written to, long ago, and is then replaced."""
    pool = pool_with()
    store = pool.stores[CM3]
    stranger = pool.referees.contents.write(store.live, pool.world.now)
    with pytest.raises(BrokenPromise, match="is overwritten by"):
        pool.referees.replaced(pool.world.machines[CM3], stranger)


def forgets_to_keep(rules: ReplicationRules, state: State, event: Event, now: Millis) -> Decision:
    decided = policy.step(rules, state, event, now)
    effects = tuple(
        replace(effect, aside="") if isinstance(effect, Install) else effect
        for effect in decided.effects
    )
    return Decision(decided.state, effects)


def test_a_policy_that_keeps_nothing_aside() -> None:
    """Referee 2: somebody writes to a copy; the policy repairs it and forgets what was there."""
    pool = pool_with(replace(REAL_POLICY, step=forgets_to_keep))
    pool.sides[CM3].writer.write()
    with pytest.raises(BrokenPromise, match="cm3: content .* is overwritten by"):
        pool.world.run_for(2_000)


def daemon_of_had(pool: Pool) -> Daemon:
    daemon = pool.world.machines[CM1].daemon
    assert daemon is not None
    return daemon


def test_a_flush_that_is_confirmed_too_early() -> None:
    """Referee 3: the last write is nowhere else."""
    pool = pool_with()
    pool.sides[CM1].writer.write()
    daemon = pool.daemon_of(CM1)
    assert daemon is not None
    run = Run(7, Errand.FLUSH_STATE, Term(64), Cause.HANDOVER, CM1, CM2)
    daemon.side.client.run(daemon_of_had(pool), run)
    with pytest.raises(BrokenPromise, match="says that its last state is at cm2"):
        pool.referees.errand_done(daemon, ErrandDone(7, ok=True))


def test_one_place_with_two_digests() -> None:
    """Referee 6."""
    pool = pool_with()
    version = Version(Term(64), 1, digest_of(12345))
    with pytest.raises(BrokenPromise, match=r"takes 64\.1 with another content"):
        pool.referees.taken(CM2, Kept(Line(version), 12345))


def deaf(rules: ReplicationRules, state: State, event: Event, now: Millis) -> Decision:
    """Never installs anything."""
    decided = policy.step(rules, state, event, now)
    kept = tuple(effect for effect in decided.effects if not isinstance(effect, Install))
    return Decision(decided.state, kept)


def test_copies_that_never_follow_are_seen() -> None:
    """After healing, all copies are the leader's within the bound."""
    pool = pool_with(replace(REAL_POLICY, step=deaf))
    with pytest.raises(BrokenPromise, match="not the same everywhere"):
        converge(pool.world)


def test_an_exec_that_fails_locks_nothing() -> None:
    """Seed 97: its init is gone; what its member should install is installed."""
    pool = pool_with()
    machine = pool.world.machines[CM1]
    machine.exec_failures = 100
    assert machine.tree is not None
    machine.tree.exits("it exited")
    pool.world.run_for(SETTLE_MS)
    assert CM1 not in pool.world.leaders()
    assert not pool.stores[CM1].locked
