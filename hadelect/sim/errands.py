"""The administrator's commands, pretended: how long they take, how they end; two laws of theirs.

Law 1: hooks of one member never run at once; the controllee never starts before HAD_PRE_START is
       done.
Law 2: commands of a daemon that is gone are killed with it.
"""

from typing import TYPE_CHECKING

from hadelect.core.effects import Run
from hadelect.core.events import Ran
from hadelect.core.vocabulary import Errand, Outcome

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.supervisor import Supervisor

TIME_LIMIT_MS = 2_000
NOT_HOOKS = (Errand.CHECK, Errand.FENCE)
WORDS = {
    Outcome.DONE: "exit code 0",
    Outcome.FAILED: "exit code 1",
    Outcome.UNKNOWN: "it could not be run",
}


class Errands:
    """Of one life of a supervisor."""

    def __init__(self, supervisor: "Supervisor") -> None:
        self._supervisor = supervisor
        self._running: dict[int, Run] = {}
        self._daemon: Daemon | None = None  # Whose they are.
        self._prepared = False  # HAD_PRE_START was done, and nothing started since.
        self._demanded = False  # The last start was asked for by rules that have a HAD_PRE_START.

    def run(self, daemon: "Daemon", run: Run) -> None:
        if daemon is not self._daemon:
            self._daemon = daemon
            self._running.clear()
        world, name = self._supervisor.world, self._supervisor.name
        self._prepared &= run.errand is not Errand.PRE_START
        hooks = [other for other in self._running.values() if other.errand not in NOT_HOOKS]
        if run.errand not in NOT_HOOKS:
            world.say(name, f"runs {run.errand.value} ({run.cause.value})")
            if hooks:
                world.referees.broken(f"{name} runs {run.errand} beside {hooks[0].errand}")
        elif run.errand is Errand.FENCE:
            world.say(name, f"runs {run.errand.value} against {run.old}")
        self._running[run.id] = run
        outcome, length_ms = self._draw(run)
        self._supervisor.later(length_ms, self._ends, daemon, run, outcome)

    def nothing_to_do(self, daemon: "Daemon", run: Run) -> None:
        """Taken away by a reload while it waited."""
        self._prepared |= run.errand is Errand.PRE_START
        self._supervisor.later(1, daemon.told, Ran(run.id, Outcome.DONE, "no command"))

    def demand(self, demanded: bool) -> None:
        self._demanded = demanded

    def cancel(self, daemon: "Daemon", number: int) -> None:
        run = self._running.get(number)
        if run is not None and daemon is self._daemon:
            self._supervisor.later(1, self._ends, daemon, run, Outcome.UNKNOWN)

    def started(self) -> None:
        """The controllee's exec."""
        world, name = self._supervisor.world, self._supervisor.name
        if self._demanded and not self._prepared:
            world.referees.broken(f"{name} starts its controllee without HAD_PRE_START")
        self._prepared = False

    def _draw(self, run: Run) -> tuple[Outcome, int]:
        machine = self._supervisor.machine
        world, faults = machine.world, machine.world.faults
        habit = machine.habits.get(run.errand, "")
        tree = machine.tree
        hangs = run.errand is Errand.CHECK and tree is not None and tree.hung
        if (
            hangs
            or habit == "hangs"
            or (faults.errand_hang and world.dice.random() < faults.errand_hang)
        ):
            return Outcome.FAILED, TIME_LIMIT_MS
        length_ms = world.dice.randint(*faults.errand_ms)
        if habit == "unknown":
            return Outcome.UNKNOWN, length_ms
        if habit == "fails" or (faults.errand_fail and world.dice.random() < faults.errand_fail):
            return Outcome.FAILED, length_ms
        return Outcome.DONE, length_ms

    def _ends(self, daemon: "Daemon", run: Run, outcome: Outcome) -> None:
        # The next daemon numbers its own from 1 on.
        if daemon is not self._daemon or self._running.pop(run.id, None) is None:
            return
        world, name = self._supervisor.world, self._supervisor.name
        world.counters[f"{run.errand.value} {outcome.value}"] += 1
        if run.errand is Errand.PRE_START:
            self._prepared = outcome is Outcome.DONE
        if outcome is not Outcome.DONE:
            world.referees.causes.happened_to(name, f"{run.errand.value} {outcome.value}")
        if daemon.alive:
            daemon.told(Ran(run.id, outcome, WORDS[outcome]))
