"""A random bad day for a pool, then a calm one in which it must recover; each from one seed.

Four kinds of day: `bad` (anything may happen; safety, then liveness), `aimed` (one promise after
the other is attacked in its hardest moment: aimed.py), `harmless` (only what must move nothing:
stability) and `last` (mode none: all but one member are lost; the last one leads).
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hadelect.core.events import Drain
from hadelect.core.vocabulary import Arbitration, Role, Rules
from hadelect.sim.aimed import ROUNDS, Aim
from hadelect.sim.bounds import bound_ms, converge_ms, cooldown_ms
from hadelect.sim.chaos import Chaos
from hadelect.sim.drawing import (
    TIGHT_MS,
    draw_aimed_faults,
    draw_aimed_pool,
    draw_faults,
    draw_harmless,
    draw_pool,
    draw_reloads,
    draw_timings,
    with_errands,
)
from hadelect.sim.faults import Faults
from hadelect.sim.referees import BrokenPromise
from hadelect.sim.replica_chaos import ReplicaChaos, consent
from hadelect.sim.replica_chaos import heal as heal_replication
from hadelect.sim.replica_faults import draw_replication, replicated
from hadelect.sim.replication import replicate
from hadelect.sim.world import REAL_CORE, Core, World

LOOK_MS = 50  # How often liveness is looked at.
CALM_MS = 15_000
CONSENT_MS = 20_000  # How long an operator lets a pool without a leader alone.
KINDS = {"bad": 7, "aimed": 3, "harmless": 2, "last": 1}  # How often each kind of day is drawn.


def bad_day(
    seed: int,
    core: Core = REAL_CORE,
    *,
    kind: str = "",
    verbose: bool = False,
    tell: Callable[[str], None] | None = None,
) -> World:
    """Live through the day of this seed. Raises BrokenPromise with seed, faults and log.

    `kind`: this kind of day, not the one that the seed draws; `tell`: is given every line of the
    log as it is said; `verbose`: every message is a line.
    """
    dice = Random(seed)
    drawn = dice.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    kind = kind or drawn
    rules, faults = draw_day(dice, kind)
    faults = draw_reloads(Random(f"reloads of {seed}"), faults)
    replica = None
    if core.replication is not None:  # Dice of its own: other days stay as they were.
        replica = draw_replication(Random(f"replication of {seed}"), rules, kind)
    if replica is not None:
        rules = replicated(rules, replica)
    world = World(rules, dice.randrange(2**32), faults, core)
    if replica is not None:
        replicate(world, replica)
        world.counters["days with replication"] += 1
    world.verbose, world.tell = verbose, tell
    world.counters[f"{kind} days"] += 1
    try:
        live_through(world, dice, kind)
    except BrokenPromise as broken:
        broken.add_note(f"seed {seed}, a {kind} day of {describe(rules)}")
        broken.add_note(f"faults: {faults}; of replication: {replica}")
        broken.add_note("\n".join(world.log[-60:]))
        raise
    return world


def draw_day(dice: Random, kind: str) -> tuple[tuple[Rules, ...], Faults]:
    if kind == "aimed":
        return draw_aimed_pool(dice), draw_aimed_faults(dice)
    rules = draw_pool(dice, Arbitration.NONE if kind == "last" else None)
    if kind == "harmless":
        return with_errands(dice, rules, draw_harmless(dice, rules[0].lease_ms), kindly=True)
    faults = draw_faults(dice, rules)
    if not faults.wipe:  # Who has lost its memory cannot know of others' longer leases.
        rules = draw_timings(dice, rules)
    if any(each.margin_ms == TIGHT_MS for each in rules):
        faults = replace(faults, pause_init=0)  # No time to find an init that is frozen.
    return with_errands(dice, rules, faults, kindly=False)


def live_through(world: World, dice: Random, kind: str) -> None:
    for name in world.names:
        machine = world.machines[name]
        world.at(dice.choice((0, dice.randint(0, 3000))), machine.power_on)
    faults = world.faults
    if kind == "aimed":
        return be_aimed_at(world, dice)
    if kind == "harmless":
        world.faults = replace(faults, loss=0.0, disk_stall=0.0)
        liveness(world)
    for _ in range(2):
        world.faults = faults
        until = world.now + dice.randint(20_000, 90_000)
        Chaos(world, until)
        if world.replicas is not None:
            ReplicaChaos(world.replicas, until)
        world.run_until(until)
        heal(world)
        liveness(world)
    if kind == "last":
        n_minus_one(world, dice)
    return None


def be_aimed_at(world: World, dice: Random) -> None:
    faults = world.faults
    liveness(world, calm_ms=0)
    for _ in range(ROUNDS):
        world.faults = faults
        Aim(world, dice).strike()
        heal(world)
        liveness(world, calm_ms=0)


def heal(world: World) -> None:
    """Everything is whole from now on: processes, links, disks, operators' wishes, the network."""
    world.heal()
    world.faults = Faults(start_ms=world.faults.start_ms, unit_ms=world.faults.unit_ms)
    world.referees.partings.network_turned_kind()
    if world.replicas is not None:
        heal_replication(world.replicas)
    world.network.deaf.clear()
    world.referees.causes.note("everything is healed")
    for name in world.names:
        machine = world.machines[name]
        machine.disk.full = False
        machine.unstick()
        machine.exec_failures = machine.slow_quits = 0
        machine.resume()
        machine.power_on()
        machine.start_service()


def undrain(world: World) -> None:
    for machine in world.machines.values():
        if machine.daemon is not None and machine.daemon.state.record.drained:
            machine.command(Drain(0, False, "all is well again"))


def liveness(world: World, calm_ms: int = CALM_MS) -> None:
    """One leader, its controllee running, followed by all, within the bound; then calm."""
    start = world.now
    slowest = world.referees.slowest
    bound = bound_ms(slowest, world.faults) + cooldown_ms(world)
    longest = slowest.lease_ms
    since = None  # Since when all agree: for a lease, so that nothing of the bad day is under way.
    while since is None or world.now - since < longest:
        undrain(world)
        if world.now - start > CONSENT_MS:
            consent(world)
        world.run_for(LOOK_MS)
        since = (since or world.now) if agreed(world) else None
        if since is None and world.now - start > bound:
            world.referees.broken(f"no agreement {bound} ms after healing: {views(world)}")
    world.counters["settled, worst ms"] = max(world.counters["settled, worst ms"], since - start)
    if cooldown_ms(world, everybody=True) == 0:
        world.referees.causes.entries.clear()
        world.referees.settle()
    converge(world)
    world.run_for(calm_ms)


def converge(world: World) -> None:
    """Once its controllee rests, all copies are the leader's within the bound."""
    pool = world.replicas
    if pool is None:
        return
    start, bound = world.now, converge_ms(pool)
    pool.quiet = True
    while astray := pool.referees.astray():
        if world.now - start > bound:
            world.referees.broken(f"not the same everywhere after {bound} ms: {astray}")
        world.run_for(LOOK_MS)
    pool.quiet = False
    longest = max(world.counters["converged, worst ms"], world.now - start)
    world.counters["converged, worst ms"] = longest


def agreed(world: World) -> bool:
    leaders = world.leaders()
    if len(leaders) != 1:
        return False
    leader = world.machines[leaders[0]]
    tree = leader.tree
    if sum(machine.tree is not None for machine in world.machines.values()) > 1:
        return False  # One still dies.
    if tree is None or tree.killed or leader.daemon is None or leader.daemon.state.leaving:
        return False
    if leader.daemon.state.check.hung:  # It is being ended and starts again.
        return False
    primary = leader.rules.primary
    if primary not in (None, leader.name):
        first = world.machines[primary] if primary else leader
        if first.up and not (first.daemon and first.daemon.state.fitness.controllee):
            return False
    term = leader.daemon.state.term
    return all(
        machine.daemon is not None
        and (machine.daemon.state.leader, machine.daemon.state.term) == (leader.name, term)
        and machine.daemon.state.role in (Role.PASSIVE, Role.LEADER)
        for machine in world.machines.values()
        if machine.up
    )


def views(world: World) -> str:
    """Who sees what: for the message of a violation."""
    said = []
    for name in world.names:
        daemon = world.machines[name].daemon
        if daemon is None:
            said.append(f"{name} has no daemon")
        else:
            state = daemon.state
            said.append(f"{name} {state.role.value} follows {state.leader} in term {state.term}")
    return "; ".join(said)


def n_minus_one(world: World, dice: Random) -> None:
    """Mode none survives the loss of all members but one."""
    survivor = dice.choice(world.names)
    for name in world.names:
        if name != survivor:
            world.machines[name].power_off()
            world.run_for(dice.choice((0, 50, 1500)))
    liveness(world)
    world.counters["survived N-1 failures"] += 1


def describe(rules: tuple[Rules, ...]) -> str:
    one = rules[0]
    members, witnesses = one.identity.members, one.identity.witnesses
    primary = ", primary" if one.use_primary else ""
    return (
        f"{len(members)} members and {len(witnesses)} witnesses, mode"
        f" {one.identity.arbitration.value}{primary}, heartbeat {one.heartbeat_ms}, lease"
        f" {one.lease_ms}, margin {one.margin_ms} ms"
    )
