"""Aimed days: one promise at a time is attacked in the moment in which it matters most.

On a random day several things must meet within one lease before a broken promise shows. Here the
pool is settled, the leader keeps only the voters that it needs, the others already stand for its
place, and then these voters forget, restart or change sides: whoever grants anything too early, or
leads too long, has two controllees at once. Margins are tight, so that the arithmetic of leases
itself is judged.
"""

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

from hadelect.core.events import Handover, Shutdown
from hadelect.core.vocabulary import Arbitration, Name
from hadelect.sim.machine import Machine

if TYPE_CHECKING:
    from hadelect.sim.world import World

ROUNDS = 6  # Attacks on one day.
LOOK_MS = 20  # How often "systemctl restart" looks whether the stop is over.
BLOWS = ("isolate", "lure", "freeze", "unbacked", "freeze_both", "crash", "hang")
FORGETFUL = 5  # In smaller pools voters without memory cannot learn enough to be of danger.
TURNS = ("moves", "crashes", "restarts", "reboots", "is wiped")


class Aim:
    """Strikes one leader. Whoever aims heals the pool and lets it settle before each blow."""

    def __init__(self, world: "World", dice: Random) -> None:
        self.world = world
        self.dice = dice
        self.leader = world.machines[world.leaders()[0]]
        self.rules = self.leader.rules
        self.others = [name for name in world.names if name != self.leader.name]
        dice.shuffle(self.others)
        # Who has lost its memory cannot know of others' longer leases: no wipe where they differ.
        leases = [machine.rules.lease_ms for machine in world.machines.values()]
        self.turns: tuple[str, ...] = TURNS if min(leases) == max(leases) else TURNS[:-1]
        if min(leases) == max(leases) and len(world.names) >= FORGETFUL:
            self.turns += TURNS[-1:] * 4

    def strike(self) -> None:
        """One attack; returns when it should be over."""
        majority = self.rules.identity.arbitration is Arbitration.MAJORITY
        blows = (
            (
                *[self.lure] * 5,
                *(self.isolate, self.freeze, self.unbacked, self.hang),
            )
            if majority
            else (self.freeze, self.crash, self.freeze_both, self.hang)
        )
        blow = self.dice.choice(blows)
        self.world.counters[f"aimed: {blow.__name__}"] += 1
        blow()
        self.world.run_for(2 * self.rules.lease_ms + 2_000)

    # -- mode majority ---------------------------------------------------------------------------

    def isolate(self) -> None:
        """Nobody hears the leader any more: it must be over before the others' silence is."""
        self._part(self.others)

    def lure(self) -> None:
        """The voters that still back it turn to the other side, each in its own way."""
        backing = self._back_barely()
        how = self.dice.choice(self.turns)
        self.world.counters[f"aimed: a voter {how}"] += 1
        for name in backing:
            self._turn(self.world.machines[name], how)
        self._part(backing)

    def freeze(self) -> None:
        """The leader's daemon stops; voters that restart meanwhile must not forget it."""
        self._pause("daemon")
        if self.rules.identity.arbitration is Arbitration.MAJORITY:
            for name in self.others[: self.rules.majority - 1]:
                self._turn(self.world.machines[name], self.dice.choice(self.turns[1:]))

    def unbacked(self) -> None:
        """A voter whose disk takes nothing backs a new leader, crashes and changes sides."""
        rules, world = self.rules, self.world
        successor = next((n for n in self.others if n in rules.identity.members), None)
        if successor is None or len(self.others) < 2:
            return self.isolate()
        voter = world.machines[next(name for name in self.others if name != successor)]
        voter.disk.stall(world.now + 3 * rules.lease_ms)
        self.leader.command(Handover(0, successor, "an operator asks"))
        world.run_for(self.dice.randint(300, 1000))
        self._part([n for n in self.others if n not in (voter.name, successor)], successor)
        self._part([self.leader.name], successor)
        world.run_for(rules.lease_ms + self.dice.randint(0, rules.heartbeat_ms))
        voter.kill_daemon()
        return self._part([voter.name], successor)

    def hang(self) -> None:
        """Its controllee is in state D when it has to go."""
        self.leader.stuck_until = self.world.now + 2 * self.rules.lease_ms
        if self.dice.random() < 0.5:
            self.leader.kill_daemon()
        else:
            self._pause("daemon")

    # -- mode none: what happens to processes must never make two --------------------------------

    def freeze_both(self) -> None:
        """Nobody but the init is left to keep the deadline."""
        self._pause("daemon", "supervisor")

    def crash(self) -> None:
        """No notice leaves a supervisor that dies with its daemon."""
        self.leader.kill_daemon()
        self.leader.kill_supervisor()

    # -- how -------------------------------------------------------------------------------------

    def _back_barely(self) -> list[Name]:
        """Leave the leader the voters that it needs, until the others stand for its place."""
        backing = self.others[: self.rules.majority - 1]
        self._part(self.others[self.rules.majority - 1 :])
        length = self.rules.lease_ms + self.dice.randint(0, 2 * self.rules.round_ms)
        self.world.run_for(length + self.rules.heartbeat_ms)
        return backing

    def _turn(self, machine: Machine, how: str) -> None:
        if how == "crashes":
            machine.kill_daemon()
        elif how == "restarts":
            machine.command(Shutdown("an operator restarts it"))
            self._start_again(machine)
        elif how in ("reboots", "is wiped"):
            machine.power_off()
            if how == "is wiped":
                machine.wipe()
            machine.power_on()

    def _start_again(self, machine: Machine) -> None:
        machine.start_service()
        if machine.daemon is None or machine.daemon.state.ending:
            self.world.at(self.world.now + LOOK_MS, self._start_again, machine)

    def _pause(self, *what: str) -> None:
        length = self.dice.randint(self.rules.lease_ms, 3 * self.rules.lease_ms)
        self.leader.pause(what, length)
        self.world.at(self.world.now + length, self.leader.resume)

    def _part(self, others: Iterable[Name], one: Name | None = None) -> None:
        end = one or self.leader.name
        self.world.cut(pair for name in others for pair in ((end, name), (name, end)))
