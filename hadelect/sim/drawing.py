"""What a seed draws: the pool, its timings, and how unkind the world is to it."""

from dataclasses import replace
from random import Random
from typing import Any

from hadelect.core.vocabulary import OF_STATE, Arbitration, Errand, Millis, Rules
from hadelect.sim.faults import EVENTS, Faults
from hadelect.sim.world import pool_of

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
AIMED_TIMINGS = ((250, 1000, TIGHT_MS), (500, 3000, TIGHT_MS), (250, 2500, TIGHT_MS))
AIMED_SIZES = ((3, 0), (2, 1), (5, 0), (4, 1), (5, 0))  # Members, witnesses.
HARMLESS = ("standby_restart", "standby_crash", "disk_stalls", "disk_full", "drift", "drop_notices")


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
    return with_timings(rules, [dice.choice(TIMINGS) for _ in rules])


def with_timings(
    rules: tuple[Rules, ...], timings: list[tuple[int, int, int]]
) -> tuple[Rules, ...]:
    return tuple(timed(each, timing) for each, timing in zip(rules, timings, strict=True))


def timed(rules: Rules, timing: tuple[int, int, int]) -> Rules:
    beat, lease, margin = timing
    return replace(
        rules, heartbeat_ms=Millis(beat), lease_ms=Millis(lease), margin_ms=Millis(margin)
    )


def draw_reloads(dice: Random, faults: Faults) -> Faults:
    """Dice of their own: days without a reload stay as they were."""
    if faults.wipe:  # Who has lost its memory cannot know of others' longer leases.
        return faults
    return replace(faults, reload=dice.choice((0, 0, 1, 3)))


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
    weights: dict[str, Any] = {
        name: dice.choice((0, 0, 0, 1, 3)) for name in EVENTS if name != "reload"
    }
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


def with_errands(
    dice: Random, rules: tuple[Rules, ...], faults: Faults, *, kindly: bool
) -> tuple[tuple[Rules, ...], Faults]:
    """In one pool of three the administrator has named commands: all of them, or some."""
    if dice.random() < 0.67:
        return rules, faults
    some = dice.random() < 0.5
    commands = (errand for errand in Errand if errand not in OF_STATE)
    errands = tuple(errand for errand in commands if not some or dice.random() < 0.5)
    faults = replace(faults, errand_ms=(1, dice.choice((5, 50) if kindly else (5, 50, 1500))))
    if not kindly:
        fail, hang = dice.choice((0.0, 0.0, 0.1)), dice.choice((0.0, 0.0, 0.1))
        faults = replace(faults, errand_fail=fail, errand_hang=hang)
    changes: dict[str, Any] = {
        "errands": errands,
        "check_interval_ms": Millis(dice.choice((500, 3000))),
        "start_grace_ms": Millis(dice.choice((0, 3000))),
    }
    return tuple(replace(each, **changes) for each in rules), faults


def draw_aimed_pool(dice: Random) -> tuple[Rules, ...]:
    """Small pools without a margin; in half of them every member has a lease of its own."""
    arbitration = dice.choice((*[Arbitration.MAJORITY] * 4, Arbitration.NONE))
    size, witnesses = dice.choice(AIMED_SIZES)
    if arbitration is Arbitration.NONE:
        size, witnesses = size + witnesses, 0
    # Candidates that ask again sooner than the protocol lets them: no early grant goes unused.
    hurry = {"round_ms": 100, "stagger_ms": 30} if dice.random() < 0.7 else {}
    rules = pool_of(size, witnesses, arbitration, unfit_cooldown_ms=8000, **hurry)
    one = dice.choice(AIMED_TIMINGS)
    mixed = dice.random() < 0.4
    timings = [dice.choice(AIMED_TIMINGS) if mixed else one for _ in rules]
    return with_timings(rules, timings)


def draw_aimed_faults(dice: Random) -> Faults:
    """A quick world: whoever may grant something too early does so at once."""
    return Faults(
        delay_ms=(1, dice.choice((1, 2, 20))),
        datagram_loss=dice.choice((0.0, 1.0)),
        drift_ppm=4900,
        disk_ms=(1, dice.choice((1, 5))),
        kill_ms=(0, 4),
        start_ms=(20, 60),
        unit_ms=(20, 60),
        pause_ms=(50, 8000),
    )
