"""The controllee's init: PID 1 of a namespace of its own, which holds the deadline.

Law 1: the tree runs from `started` to `gone`; SIGKILL of the init, or of its parent, ends all of it
       within `kill_ms`, whether the init is stopped or not.
Law 2: when its machine's clock passes the deadline, an init that is not stopped kills its tree.
Law 3: a tree in state D outlives its SIGKILL until `stuck_until`; it has had the signal, no more.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hadelect.core.vocabulary import NO_TERM, Millis, Name, Term
from hadelect.sim.process import Pipe, Process

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.supervisor import Supervisor


class Init(Process):
    """Warm (no term) until `start`; `when_gone` are called once nothing is left of it."""

    def __init__(self, supervisor: "Supervisor") -> None:
        super().__init__(supervisor.world)
        machine = supervisor.machine
        self._supervisor = supervisor  # Its parent.
        self.machine = machine
        self.pipe = Pipe(self.world)
        self.answers = Pipe(self.world)
        self.pid = machine.next_pid()
        self.term: Term = NO_TERM
        self.owner: Daemon | None = None  # The daemon that had it started.
        self.deadline = Millis(0)
        self.latest_asked = Millis(0)  # The latest deadline its daemon ever asked for.
        self.started = False
        self.since = 0  # When the tree started.
        self.hung = False  # Its controllee lives and does nothing.
        self.killed = False
        self.gone = False
        self.ended_by = ""
        self.when_gone: list[Callable[[], None]] = []
        self._timer = 0  # True time of the pending look at the clock; 0 = none.

    @property
    def name(self) -> Name:
        return self.machine.name

    @property
    def running(self) -> bool:
        """The tree runs: what "never two" counts."""
        return self.started and not self.gone

    def start(self, term: Term, deadline: Millis) -> None:
        """The controllee's exec."""
        self.term = term
        self.started = True
        self.since = self.world.now
        self.world.say(self.name, f"starts NEGOTIATOR, term {term}")
        self.hold(deadline)
        self.world.referees.tree_started(self)
        self.machine.replication.tree_started(self)

    def hold(self, deadline: Millis) -> None:
        """Keep this deadline from now on."""
        self.deadline = deadline
        due = self.machine.clock.when(deadline)
        if self._timer == 0 or due < self._timer:
            self._timer = due
            self.world.at(max(due, self.world.now), self._ring, due)

    def _ring(self, due: int) -> None:
        if due == self._timer:
            self._timer = 0
            self.run(self._look_at_clock)

    def _look_at_clock(self) -> None:
        if self.machine.clock.read(self.world.now) >= self.deadline:
            self.world.counters["controllees killed at their deadline"] += self.started
            self.kill("its deadline passed")
        else:
            self.hold(self.deadline)

    def kill(self, because: str) -> None:
        """SIGKILL for all of it."""
        if self.killed or self.gone:
            return
        self.killed = True
        self.ended_by = because
        self.alive = False
        self.waiting.clear()
        world = self.world
        stuck = self.machine.stuck_until if self.started else 0
        at = max(world.now + world.dice.randint(*world.faults.kill_ms), stuck)
        if self.started:
            world.referees.tree_killed(self)
            if stuck > world.now:
                world.say(self.name, f"NEGOTIATOR of term {self.term} hangs in the kernel")
                self._supervisor.tree_hangs(self)
        world.at(at, self.vanish)

    def exits(self, because: str) -> None:
        """The controllee ended by itself and left nothing behind."""
        if not self.killed:
            self.ended_by = because
            self.vanish()

    def power_lost(self) -> None:
        self.ended_by = "power lost"
        self.when_gone.clear()
        self.vanish()

    def vanish(self) -> None:
        """Nothing is left of it."""
        if self.gone:
            return
        self.gone = True
        self.end()
        if self.started:
            self.world.say(self.name, f"NEGOTIATOR of term {self.term} is gone: {self.ended_by}")
            self.world.referees.tree_gone(self)
            self.machine.replication.tree_gone(self)
        self.machine.trees.remove(self)
        for told in self.when_gone:
            told()
