"""The ledger of causes: what happened that may move a leader, and until when it may.

A leader that moves while nothing stands here has moved without need (promise 2 of the design).
What is harmless by the design is never entered: loss of up to 5 %, jitter, a slow disk, pauses
shorter than patience, whatever happens to a standby while a majority is left, a cut that leaves
the leader its majority (mode none: that leaves everybody a way to the leader).
"""

from typing import TYPE_CHECKING

from hadelect.core.vocabulary import Arbitration, Name, Role

if TYPE_CHECKING:
    from hadelect.sim.world import World

KEPT = 200


class Causes:
    def __init__(self, world: "World", window_ms: int) -> None:
        self._world = world
        self.window_ms = window_ms  # How long a cause may take to have its effect.
        self.entries: list[tuple[int, int, str]] = []  # When, until when, what.

    def note(self, what: str, lasts_ms: int = 0) -> None:
        now = self._world.now
        self.entries.append((now, now + lasts_ms, what))
        del self.entries[:-KEPT]

    def recent(self) -> list[str]:
        """What may still explain a change now."""
        oldest = self._world.now - self.window_ms
        return [what for _, until, what in self.entries if until >= oldest]

    def happened_to(self, name: Name, what: str, lasts_ms: int = 0) -> None:
        """Something happened to one member: a cause unless it is a standby that is not needed."""
        if self.needs(name):
            self.note(f"{name} {what}", lasts_ms)

    def needs(self, name: Name) -> bool:
        """Whether the pool can notice the loss of this member."""
        world = self._world
        machine = world.machines[name]
        rules = machine.rules
        leaders = world.leaders()
        if len(leaders) != 1 or name in leaders or machine.tree is not None:
            return True
        if rules.primary is not None or rules.identity.arbitration is Arbitration.NONE:
            return rules.primary is not None or bool(world.network.cuts)
        left = [n for n in self._reached_by(leaders[0]) if n != name]
        return len(left) < rules.majority

    def network_changed(self) -> None:
        """A cause if it takes the leader's majority (mode none: splits the living)."""
        world = self._world
        leaders = world.leaders()
        rules = world.machines[world.names[0]].rules
        if len(leaders) != 1 or rules.primary is not None:
            self.note("the network changes")
        elif rules.identity.arbitration is Arbitration.MAJORITY:
            if len(self._reached_by(leaders[0])) < rules.majority:
                self.note("the leader has lost its majority")
        else:
            living = [name for name in world.names if world.machines[name].daemon]
            reach, is_whole = world.network.reach, world.network.is_whole
            reached = reach(living[0], living, is_whole) if living else []
            if any(name not in reached for name in living):
                self.note("the network is parted")

    def _reached_by(self, leader: Name) -> list[Name]:
        """Whose acks count: who runs, can write, follows and has a whole link to the leader; itself
        among them. A member that has just started follows once its promise is on its disk; while
        it is mute it acks without a promise, which backs nobody.
        """
        world = self._world
        return [
            name
            for name in world.names
            if (daemon := world.machines[name].daemon) is not None
            and not daemon.stopped
            and daemon.state.role is not Role.PRE
            and not (daemon.state.fitness.store or daemon.state.ending)
            and daemon.state.leader == leader
            and daemon.state.durable >= daemon.state.promise_serial
            and daemon.now() >= daemon.state.mute_until
            and (name == leader or not world.network.is_cut(leader, name))
        ]
