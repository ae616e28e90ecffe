"""A random bad day for a pool, then a calm one in which it must recover; each from one seed.

Three kinds of day: `bad` (anything may happen; safety, then liveness), `harmless` (only what must
move nothing: stability) and `last` (mode none: all but one member are lost; the last one leads).
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from hadelect.core.events import Drain
from hadelect.core.vocabulary import Arbitration, Millis, Role, Rules
from hadelect.sim.bounds import bound_ms, cooldown_ms
from hadelect.sim.chaos import Chaos
from hadelect.sim.faults import EVENTS, Faults
from hadelect.sim.referees import BrokenPromise
from hadelect.sim.world import REAL_CORE, Core, World, pool_of

LOOK_MS = 50  # How often liveness is looked at.
CALM_MS = 15_000
TIGHT_MS = 30  # A margin that hides nothing: the arithmetic of leases itself is tested.
TIMINGS = (  # heartbeat, lease, margin
    (500, 3000, 500),
    (500, 3000, 500),
    (200, 1000, 250),
    (250, 1000, 250),
    (500, 2000, 333),
    (1000, 6000, 1000),
    (2000, 10000, 1667),
    (250, 1000, TIGHT_MS),
    (500, 3000, TIGHT_MS),
)
HARMLESS = ("standby_restart", "standby_crash", "disk_stalls", "disk_full", "drift", "drop_notices")


def bad_day(
    seed: int,
    core: Core = REAL_CORE,
    *,
    verbose: bool = False,
    tell: Callable[[str], None] | None = None,
) -> World:
    """Live through the day of this seed. Raises BrokenPromise with seed, faults and log.

    `tell`: is given every line of the log as it is said; `verbose`: every message is a line.
    """
    dice = Random(seed)
    kind = dice.choices(("bad", "harmless", "last"), (8, 2, 1))[0]
    rules = draw_pool(dice, Arbitration.NONE if kind == "last" else None)
    if kind == "harmless":
        faults = draw_harmless(dice, rules[0].lease_ms)
    else:
        faults = draw_faults(dice, rules)
        if not faults.wipe:  # Who has lost its memory cannot know of others' longer leases.
            rules = draw_timings(dice, rules)
        if any(each.margin_ms == TIGHT_MS for each in rules):
            faults = replace(faults, pause_init=0)  # No time to find an init that is frozen.
    world = World(rules, dice.randrange(2**32), faults, core)
    world.verbose, world.tell = verbose, tell
    world.counters[f"{kind} days"] += 1
    try:
        live_through(world, dice, kind)
    except BrokenPromise as broken:
        broken.add_note(f"seed {seed}, a {kind} day of {describe(rules)}")
        broken.add_note(f"faults: {faults}")
        broken.add_note("\n".join(world.log[-60:]))
        raise
    return world


def draw_pool(dice: Random, arbitration: Arbitration | None) -> tuple[Rules, ...]:
    size = dice.choice((1, 2, 2, 3, 3, 3, 3, 4, 5, 5, 7, 9))
    chosen = arbitration or dice.choice((Arbitration.NONE, Arbitration.MAJORITY))
    witnesses = dice.choice((0, 0, 1)) if size > 1 and chosen is Arbitration.MAJORITY else 0
    heartbeat, lease, margin = dice.choice(TIMINGS)
    return pool_of(
        size,
        witnesses,
        chosen,
        heartbeat_ms=heartbeat,
        lease_ms=lease,
        margin_ms=margin,
        use_primary=dice.random() < 0.25,
        preempt_delay_ms=dice.choice((0, 0, 2000)),
        unfit_cooldown_ms=8000,
        restart_window_ms=60_000,
    )


def draw_timings(dice: Random, rules: tuple[Rules, ...]) -> tuple[Rules, ...]:
    """Now and then every member is configured with a timing of its own (a reload half done)."""
    if dice.random() < 0.7:
        return rules
    timings = [dice.choice(TIMINGS) for _ in rules]
    return tuple(
        replace(each, heartbeat_ms=Millis(beat), lease_ms=Millis(lease), margin_ms=Millis(margin))
        for each, (beat, lease, margin) in zip(rules, timings, strict=True)
    )


def draw_faults(dice: Random, rules: tuple[Rules, ...]) -> Faults:
    """Each fault is on or off for the whole day, so that days differ from each other."""
    lossy = dice.choice((0.0, 0.0, 0.0, 0.01, 0.05, 0.2))
    reorder = dice.random() < 0.1
    faults = Faults(
        delay_ms=(1, dice.choice((1, 2, 5, 20, 50, 50, 300))),
        loss=lossy,
        datagram_loss=dice.choice((0.0, 0.0, 0.05, 0.3, 1.0)),
        duplication=dice.choice((0.0, 0.1)),
        reorder=reorder,
        keepalive_ms=dice.choice((500, 3000, 20_000)),
        one_way_streams=dice.random() < 0.3,
        drift_ppm=dice.choice((0, 200, 4900)),
        disk_ms=(1, dice.choice((1, 5, 30))),
        disk_stall=dice.choice((0.0, 0.0, 0.1)),
        tick_late_ms=(0, dice.choice((0, 0, 5, 50, 400))),
        pipe_ms=(0, dice.choice((0, 1, 3))),
        kill_ms=(0, 4),
        start_ms=(100, dice.choice((150, 400))),
        exec_ms=(1, 5),
        quit_ms=(1, dice.choice((20, 200, 3000))),
        unit_ms=(100, dice.choice((150, 3000))),
        gap_ms=(dice.choice((1, 50, 200)), dice.choice((1000, 5000, 10_000))),
        pause_ms=(20, rules[0].lease_ms * 3),
    )
    weights: dict[str, Any] = {name: dice.choice((0, 0, 0, 1, 3)) for name in EVENTS}
    if any(weights[name] for name in ("cut", "partition", "one_way", "chain", "lure")):
        weights["heal"] = dice.choice((1, 3, 6))
    if not faults.drift_ppm:
        weights["drift"] = 0
    return replace(faults, **weights)


def draw_harmless(dice: Random, lease_ms: int) -> Faults:
    """Only what the design promises to bear; losses only with a lease of 3 s or more."""
    faults = Faults(
        delay_ms=(1, dice.choice((2, 20, 50))),
        loss=dice.choice((0.0, 0.01, 0.05)) if lease_ms >= 3000 else 0.0,
        datagram_loss=dice.choice((0.0, 0.05)),
        drift_ppm=4900,
        disk_ms=(1, 30),
        disk_stall=dice.choice((0.0, 0.1)),
        tick_late_ms=(0, dice.choice((0, 5, 100))),
        pipe_ms=(0, 2),
        kill_ms=(0, 4),
        gap_ms=(500, 8000),
        pause_ms=(20, 150),
        pause_daemon=1,
        pause_supervisor=1,
        pause_init=1,
    )
    weights: dict[str, Any] = {name: dice.choice((0, 1)) for name in HARMLESS}
    return replace(faults, **weights)


def live_through(world: World, dice: Random, kind: str) -> None:
    for name in world.names:
        machine = world.machines[name]
        world.at(dice.choice((0, dice.randint(0, 3000))), machine.power_on)
    faults = world.faults
    if kind == "harmless":
        world.faults = replace(faults, loss=0.0, disk_stall=0.0)
        liveness(world)
    for _ in range(2):
        world.faults = faults
        until = world.now + dice.randint(20_000, 90_000)
        Chaos(world, until)
        world.run_until(until)
        heal(world)
        liveness(world)
    if kind == "last":
        n_minus_one(world, dice)


def heal(world: World) -> None:
    """Everything is whole from now on: processes, links, disks, operators' wishes, the network."""
    world.heal()
    world.faults = Faults(start_ms=world.faults.start_ms, unit_ms=world.faults.unit_ms)
    world.referees.network_turned_kind()
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


def liveness(world: World) -> None:
    """One leader, its controllee running, followed by all, within the bound; then calm."""
    start = world.now
    bound = max(bound_ms(world.machines[name].rules, world.faults) for name in world.names)
    bound += cooldown_ms(world)
    longest = max(world.machines[name].rules.lease_ms for name in world.names)
    since = None  # Since when all agree: for a lease, so that nothing of the bad day is under way.
    while since is None or world.now - since < longest:
        undrain(world)
        world.run_for(LOOK_MS)
        since = (since or world.now) if agreed(world) else None
        if since is None and world.now - start > bound:
            world.referees.broken(f"no agreement {bound} ms after healing: {views(world)}")
    world.counters["settled, worst ms"] = max(world.counters["settled, worst ms"], since - start)
    if cooldown_ms(world, everybody=True) == 0:
        world.referees.causes.entries.clear()
        world.referees.settle()
    world.run_for(CALM_MS)


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
