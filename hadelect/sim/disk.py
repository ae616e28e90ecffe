"""The state directory of one machine: writes are in order, take their time, and may fail.

Law: a record is found again after a crash exactly if its write had ended; a write under way when
     its daemon is killed may or may not have ended.
"""

from typing import TYPE_CHECKING

from hadelect.core.effects import Persist, Record

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.machine import Machine


class Disk:
    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self._record: Record | None = None
        self._written_in = 0  # The boot in which the record was written.
        self._free_at = 0
        self.full = False

    def found(self) -> tuple[Record | None, bool]:
        """The record, and whether it is of this boot."""
        return self._record, self._written_in == self._machine.boot

    def wipe(self) -> None:
        self._record = None

    def recover(self) -> None:
        """It takes writes again: its member may lead its part of a parted pool, or be primary."""
        self.full = False
        self._machine.world.referees.causes.happened_to(self._machine.name, "can write again")

    def stall(self, until: int) -> None:
        """Nothing is written before then."""
        self._free_at = max(self._free_at, until)

    def write(self, daemon: "Daemon", effect: Persist) -> None:
        world = self._machine.world
        faults, dice = world.faults, world.dice
        length = dice.randint(*faults.disk_ms)
        if faults.disk_stall and dice.random() < faults.disk_stall:
            length += dice.randint(*faults.disk_stall_ms)
            world.counters["slow writes"] += 1
        self._free_at = max(self._free_at, world.now) + length
        world.at(self._free_at, self._ends, self._machine.boot, daemon, effect)

    def _ends(self, boot: int, daemon: "Daemon", effect: Persist) -> None:
        machine = self._machine
        if boot != machine.boot or not machine.up:
            return
        if not daemon.alive and machine.world.dice.random() < 0.5:
            return
        if self.full:
            daemon.run(daemon.written, effect, "No space left on device")
            return
        self._record = effect.record
        self._written_in = boot
        machine.world.referees.persisted(machine.name, effect.record)
        daemon.run(daemon.written, effect, "")
