"""What happens to a pool on a bad day: one method for each event that `Faults` gives a weight to.

Law: init is never stopped while its daemon is, on one machine: that is outside the promise (the
manual says so first). Everything else may meet everything else.
"""

from collections.abc import Callable, Iterable
from itertools import permutations
from typing import TYPE_CHECKING

from hadelect.core.events import Drain, Handover, Shutdown
from hadelect.core.frozen import replace
from hadelect.core.vocabulary import Errand, Name
from hadelect.sim.drawing import TIGHT_MS, TIMINGS, timed
from hadelect.sim.faults import EVENTS
from hadelect.sim.machine import Machine

if TYPE_CHECKING:
    from hadelect.sim.world import World

RETRY_MS = 100  # How often `systemctl restart` looks whether the stop is over.


class Chaos:
    """Lets one event happen every `gap_ms` until `until`."""

    def __init__(self, world: "World", until: int) -> None:
        self.world = world
        self.until = until
        self.dice = world.dice
        faults = world.faults
        weights = [(name, getattr(faults, name)) for name in EVENTS]
        self._names = [name for name, weight in weights if weight]
        self._weights = [weight for _, weight in weights if weight]
        self._commands = 0
        if self._names:
            self._wait()

    def _wait(self) -> None:
        at = self.world.now + self.dice.randint(*self.world.faults.gap_ms)
        if at < self.until:
            self.world.at(at, self._strike)

    def _strike(self) -> None:
        name = self.dice.choices(self._names, self._weights)[0]
        self.world.counters[name] += 1
        event: Callable[[], None] = getattr(self, name)
        event()
        self._wait()

    def _any(self) -> Machine:
        return self.world.machines[self.dice.choice(self.world.names)]

    def _leader_or_any(self) -> Machine:
        """The leader twice as often as its part of the pool."""
        leaders = self.world.leaders()
        if leaders and self.dice.random() < 0.5:
            return self.world.machines[self.dice.choice(leaders)]
        return self._any()

    def _standby(self) -> Machine | None:
        others = [n for n in self.world.names if self.world.machines[n].tree is None]
        return self.world.machines[self.dice.choice(others)] if others else None

    # -- power, processes ------------------------------------------------------------------------

    def power(self) -> None:
        machine = self._leader_or_any()
        if machine.up:
            machine.power_off()
        else:
            machine.power_on()

    def reboot(self) -> None:
        machine = self._leader_or_any()
        machine.power_off()
        self.world.at(self.world.now + self.dice.randint(1, 20_000), machine.power_on)

    def kill_daemon(self) -> None:
        self._leader_or_any().kill_daemon()

    def kill_supervisor(self) -> None:
        self._leader_or_any().kill_supervisor()

    def kill_init(self) -> None:
        self._leader_or_any().kill_init()

    def kill_daemon_and_supervisor(self) -> None:
        machine = self._leader_or_any()
        machine.kill_daemon()
        machine.kill_supervisor()

    def pause_daemon(self) -> None:
        self._pause("daemon")

    def pause_supervisor(self) -> None:
        self._pause("supervisor")

    def pause_init(self) -> None:
        self._pause("init")

    def pause_daemon_and_supervisor(self) -> None:
        self._pause("daemon", "supervisor")

    def _pause(self, *what: str) -> None:
        machine = self._leader_or_any()
        if not machine.paused:
            length = self.dice.randint(*self.world.faults.pause_ms)
            machine.pause(what, length)
            self.world.at(self.world.now + length, machine.resume)

    def controllee_exit(self) -> None:
        for name in self.world.names:
            self.world.machines[name].controllee_exits()

    def controllee_hang(self) -> None:
        for name in self.world.names:
            self.world.machines[name].controllee_hangs()

    def exec_failure(self) -> None:
        self._any().exec_failures += 1

    def slow_quit(self) -> None:
        self._leader_or_any().slow_quits += 1

    def unkillable(self) -> None:
        self._leader_or_any().stuck_until = self.world.now + self.dice.randint(500, 15_000)

    def leftover(self) -> None:
        machine = self._leader_or_any()
        machine.stuck_until = self.world.now + self.dice.randint(500, 15_000)
        machine.kill_supervisor()

    def standby_restart(self) -> None:
        machine = self._standby()
        if machine:
            self._restart(machine)

    def standby_crash(self) -> None:
        machine = self._standby()
        if machine:
            machine.power_off()
            self.world.at(self.world.now + self.dice.randint(500, 5000), machine.power_on)

    def drift(self) -> None:
        limit = self.world.faults.drift_ppm
        self._any().drift(self.dice.randint(-limit, limit))

    # -- network ---------------------------------------------------------------------------------

    def cut(self) -> None:
        """One part from the rest."""
        names = self.world.names
        self._separate(self.dice.sample(names, self.dice.randint(1, max(1, len(names) - 1))))

    def one_way(self) -> None:
        if len(self.world.names) > 1:
            one, other = self.dice.sample(self.world.names, 2)
            self.world.cut([(one, other)])

    def chain(self) -> None:
        if len(self.world.names) > 1:
            one, other = self.dice.sample(self.world.names, 2)
            self.world.cut([(one, other), (other, one)])

    def partition(self) -> None:
        """Up to three parts."""
        for _ in range(2):
            self.cut()

    def lure(self) -> None:
        """The leader keeps only the voters that it needs; then these lose their memory of it.

        The hardest hour of a promise: whoever backs the leader restarts and joins the other side.
        """
        leaders = self.world.leaders()
        if len(leaders) != 1:
            return
        leader, rules = leaders[0], self.world.machines[leaders[0]].rules
        others = [name for name in self.world.names if name != leader]
        self.dice.shuffle(others)
        backing, rest = others[: rules.majority - 1], others[rules.majority - 1 :]
        self._separate_from(leader, rest)
        delay = self.dice.randint(1, rules.lease_ms)
        for name in backing:
            self.world.at(self.world.now + delay, self._turn, name, leader)

    def _turn(self, name: Name, leader: Name) -> None:
        machine = self.world.machines[name]
        if self.world.now >= self.until:
            return  # Healed meanwhile.
        if self.dice.random() < 0.5:
            self._restart(machine)
        else:
            machine.kill_daemon()
        self._separate_from(leader, [name])

    def _separate_from(self, one: Name, others: Iterable[Name]) -> None:
        self.world.cut(pair for name in others for pair in ((one, name), (name, one)))

    def heal(self) -> None:
        self.world.heal()

    def drop_notices(self) -> None:
        name = self._any().name
        self.world.network.deaf[name] = not self.world.network.deaf.get(name, False)

    def _separate(self, side: Iterable[Name]) -> None:
        inside = dict.fromkeys(side, True)
        self.world.cut(
            (one, other)
            for one, other in permutations(self.world.names, 2)
            if (one in inside) != (other in inside)
        )

    # -- disks and operators ---------------------------------------------------------------------

    def disk_full(self) -> None:
        disk = self._any().disk
        if disk.full:
            disk.recover()
        else:
            disk.full = True

    def disk_stalls(self) -> None:
        self._any().disk.stall(self.world.now + self.dice.randint(100, 5000))

    def wipe(self) -> None:
        """The machine comes back with an empty state directory."""
        machine = self._any()
        machine.power_off()
        machine.wipe()
        self.world.at(self.world.now + self.dice.randint(1, 10_000), machine.power_on)

    def restart(self) -> None:
        self._restart(self._leader_or_any())

    def _restart(self, machine: Machine) -> None:
        machine.command(Shutdown("an operator restarts it"))
        self.world.at(self.world.now + RETRY_MS, self._start_again, machine, self.world.now)

    def _start_again(self, machine: Machine, since: int) -> None:
        """`systemctl restart`: start once it has stopped; after 90 s nobody waits any more."""
        if machine.supervisor is None:
            machine.start_service()
        elif self.world.now - since < 90_000:
            self.world.at(self.world.now + RETRY_MS, self._start_again, machine, since)

    def handover(self) -> None:
        self._commands += 1
        to = self.dice.choice((None, self._any().name))
        self._leader_or_any().command(Handover(self._commands, to, "an operator asks"))

    def drain(self) -> None:
        self._commands += 1
        drained = self.dice.random() < 0.5
        self._leader_or_any().command(Drain(self._commands, drained, "an operator asks"))

    def reload(self) -> None:
        """Another timing for one member, or for one after the other: a rolling change."""
        roomy = [timing for timing in TIMINGS if timing[2] != TIGHT_MS]
        timing = self.dice.choice(roomy if self.world.faults.pause_init else TIMINGS)
        names = self.world.names if self.dice.random() < 0.3 else (self._leader_or_any().name,)
        because = "heartbeat {}, lease {}, margin {} ms".format(*timing)
        at = self.world.now
        for name in names:
            machine = self.world.machines[name]
            if machine.rules.errands and self.dice.random() < 0.5:
                self.world.at(at, self._other_commands, machine)
            else:
                self.world.at(at, lambda m: m.reload(timed(m.rules, timing), because), machine)
            at += self.dice.choice((0, 100, 1000))

    def _other_commands(self, machine: Machine) -> None:
        """Hooks and the probe come and go; the fence command stays, the bounds know of it."""
        kept = machine.rules.errands
        drawn = [e for e in Errand if e is not Errand.FENCE and self.dice.random() < 0.5]
        errands = tuple(e for e in Errand if e in drawn or (e is Errand.FENCE and e in kept))
        names = ", ".join(errand.value for errand in errands)
        machine.reload(replace(machine.rules, errands=errands), f"commands {names or 'none'}")
