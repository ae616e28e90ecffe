"""How unkind the world is to replication: drawn beside `Faults`, with dice of its own.

A weight's name is the name of a method of `replica_chaos.ReplicaChaos`.
"""

from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

from hadelect.core.vocabulary import Millis, Rules
from hadelect.sim.faults import Range

LARGEST = 5  # Members and witnesses.


@dataclass(frozen=True, slots=True)
class ReplicaFaults:
    # Configured.
    max_lag_ms: Millis = Millis(300_000)
    interval_ms: Millis = Millis(300_000)
    flush_ms: Millis = Millis(30_000)
    # The controllee; times in milliseconds.
    write_ms: Range = (500, 500)  # Between two of its writes; (0, 0): it writes nothing.
    # Work on files.
    look_ms: Range = (5, 5)
    snapshot_ms: Range = (10, 10)
    switch_ms: Range = (2, 2)
    transfer_ms: Range = (20, 20)
    transfer_fails: float = 0.0
    unstable: float = 0.0  # Chance of a snapshot that a writer spoils.
    start_ms: Range = (300, 300)  # From exec to the first word.
    # What happens now and then.
    gap_ms: Range = (1_000, 10_000)
    pause_ms: Range = (100, 8_000)
    kill_replication: int = 0
    pause_replication: int = 0
    pause_machine: int = 0
    replica_disk_full: int = 0
    emptied: int = 0  # The live files are deleted.
    scribbled: int = 0  # Somebody writes to a copy.
    store_wiped: int = 0
    accepted: int = 0  # An operator consents to whatever is lost.
    restored: int = 0  # An operator asks for an old version.

    def __str__(self) -> str:
        kind = ReplicaFaults()
        return " ".join(
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(kind, field.name)
        )


REPLICA_EVENTS = tuple(
    field.name
    for field in fields(ReplicaFaults)
    if isinstance(field.default, int)
    and not field.name.endswith("_ms")
    and field.name not in {"transfer_fails", "unstable"}
)


def kind(faults: ReplicaFaults) -> ReplicaFaults:
    """The same configuration and controllee in a kind world."""
    return ReplicaFaults(
        max_lag_ms=faults.max_lag_ms,
        interval_ms=faults.interval_ms,
        flush_ms=faults.flush_ms,
        write_ms=faults.write_ms,
    )


def draw_replica_faults(dice: Random, *, kindly: bool) -> ReplicaFaults:
    faults = ReplicaFaults(
        max_lag_ms=Millis(dice.choice((300_000, 300_000, 2_000, 10_000))),
        interval_ms=Millis(dice.choice((300_000, 5_000))),
        write_ms=(dice.choice((1, 200)), dice.choice((300, 1_500, 6_000))),
        look_ms=(1, dice.choice((5, 100))),
        snapshot_ms=(1, dice.choice((5, 5, 50, 400))),
        switch_ms=(1, dice.choice((3, 3, 100))),
        transfer_ms=(2, dice.choice((10, 50, 500, 3_000))),
        start_ms=(50, dice.choice((200, 2_000))),
    )
    if kindly:
        return faults
    faults = replace(
        faults,
        transfer_fails=dice.choice((0.0, 0.0, 0.1, 0.4)),
        unstable=dice.choice((0.0, 0.0, 0.2)),
        gap_ms=(200, dice.choice((3_000, 10_000))),
    )
    rare = ("emptied", "scribbled", "store_wiped", "accepted", "restored")
    weights: dict[str, Any] = {
        name: dice.choice((0, 0, 1) if name in rare else (0, 1, 3)) for name in REPLICA_EVENTS
    }
    return replace(faults, **weights)


def draw_replication(dice: Random, rules: tuple[Rules, ...], kind: str) -> ReplicaFaults | None:
    """What this day is like for replication; None: a large pool, which would talk too much."""
    if len(rules) > LARGEST:
        return None
    return draw_replica_faults(dice, kindly=kind in ("harmless", "aimed"))


def replicated(rules: tuple[Rules, ...], faults: ReplicaFaults) -> tuple[Rules, ...]:
    return tuple(
        replace(each, replicates=not each.witness, max_lag_ms=faults.max_lag_ms) for each in rules
    )
