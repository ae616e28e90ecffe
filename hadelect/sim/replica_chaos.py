"""What happens to replication on a bad day, beside all that happens to the election."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hadelect.core.replication.events import Accept, AskRestore
from hadelect.sim.replica_faults import REPLICA_EVENTS

if TYPE_CHECKING:
    from hadelect.sim.replication import Pool, Side
    from hadelect.sim.world import World

CONSENT_AGAIN_MS = 5_000  # An operator looks again whether it is still refused.
MOST_STRANGERS = 2  # Writes to copies on one day: each is kept aside, and there is an end to that.


class ReplicaChaos:
    """Lets one event happen every `gap_ms` until `until`."""

    def __init__(self, pool: "Pool", until: int) -> None:
        self.pool = pool
        self.world = pool.world
        self.until = until
        self.dice = pool.world.dice
        weights = [(name, getattr(pool.faults, name)) for name in REPLICA_EVENTS]
        self._names = [name for name, weight in weights if weight]
        self._weights = [weight for _, weight in weights if weight]
        if self._names:
            self._wait()

    def _wait(self) -> None:
        at = self.world.now + self.dice.randint(*self.pool.faults.gap_ms)
        if at < self.until:
            self.world.at(at, self._strike)

    def _strike(self) -> None:
        name = self.dice.choices(self._names, self._weights)[0]
        self.world.counters[name] += 1
        event: Callable[[], None] = getattr(self, name)
        event()
        self._wait()

    def _any(self) -> "Side":
        """The leader's half of the time."""
        leaders = [name for name in self.world.leaders() if name in self.pool.sides]
        if leaders and self.dice.random() < 0.5:
            return self.pool.sides[self.dice.choice(leaders)]
        return self.pool.sides[self.dice.choice(self.pool.members)]

    # -- processes -------------------------------------------------------------------------------

    def kill_replication(self) -> None:
        self._any().kill()

    def pause_replication(self) -> None:
        side = self._any()
        daemon = side.daemon
        if daemon is not None and not daemon.stopped:
            self.world.say(side.machine.name, "its replication daemon is stopped by SIGSTOP")
            daemon.sigstop()
            length = self.dice.randint(*self.pool.faults.pause_ms)
            self.world.at(self.world.now + length, daemon.sigcont)

    def pause_machine(self) -> None:
        """All that may be stopped at once: HAD and its replication, not the init."""
        side = self._any()
        machine, daemon = side.machine, side.daemon
        if machine.paused or daemon is None or daemon.stopped:
            return
        length = self.dice.randint(*self.pool.faults.pause_ms)
        machine.pause(("daemon", "supervisor"), length)
        daemon.sigstop()
        self.world.at(self.world.now + length, machine.resume)
        self.world.at(self.world.now + length, daemon.sigcont)

    # -- files -----------------------------------------------------------------------------------

    def replica_disk_full(self) -> None:
        store = self._any().store
        store.full = not store.full

    def emptied(self) -> None:
        """An administrator deletes the live files where no controllee runs."""
        side = self._idle()
        if side is not None:
            self.world.say(side.machine.name, "its state files are deleted")
            self.pool.referees.stranger_wrote(side.machine.name)
            side.writer.empty()

    def scribbled(self) -> None:
        side = self._idle()
        if side is not None:
            self.world.say(side.machine.name, "somebody writes to its state files")
            self.pool.referees.stranger_wrote(side.machine.name)
            side.writer.write()

    def _idle(self) -> "Side | None":
        """No tree, no switch; and not too often on one day."""
        if self.world.counters["writes of strangers"] >= MOST_STRANGERS:
            return None
        idle = [
            side for side in self.pool.sides.values() if not (side.store.locked or side.switching)
        ]
        if not idle:
            return None
        self.world.counters["writes of strangers"] += 1
        return self.dice.choice(idle)

    def store_wiped(self) -> None:
        """The machine comes back with an empty state directory."""
        machine = self._any().machine
        machine.power_off()
        machine.wipe()
        self.world.at(self.world.now + self.dice.randint(1, 10_000), machine.power_on)

    # -- operators -------------------------------------------------------------------------------

    def accepted(self) -> None:
        accept(self._any())

    def restored(self) -> None:
        side = self._any()
        versions = side.store.catalog.versions
        if side.daemon is not None and versions:
            version = self.dice.choice(versions).line.version
            side.daemon.run(side.daemon.feed, AskRestore(0, version, "an operator asks"))


def accept(side: "Side") -> None:
    """An operator consents to whatever is lost at the next start there."""
    daemon = side.daemon
    if daemon is not None:
        side.pool.referees.accepted(side.machine.name)
        daemon.run(daemon.feed, Accept(0, "an operator says so", loss=True, empty=True))


def heal(pool: "Pool") -> None:
    """Disks, processes, transfers: all works from now on."""
    pool.faults = pool.kind
    for side in pool.sides.values():
        side.store.full = False
        if side.daemon is not None:
            side.daemon.sigcont()


def consent(world: "World") -> None:
    """An operator reads why nothing is started, and consents."""
    pool = world.replicas
    if pool is None:
        return
    for side in pool.sides.values():
        had = side.machine.daemon
        if had is None or had.state.replica is None:
            continue
        if world.now - pool.referees.seen[had.name].accepted_at < CONSENT_AGAIN_MS:
            continue
        if had.state.gate.because or (had.state.replica.problem and not world.leaders()):
            world.counters["operators asked for consent"] += 1
            accept(side)
