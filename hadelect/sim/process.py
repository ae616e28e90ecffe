"""What every pretended process has in common: it can be stopped (SIGSTOP), continued and killed.

Law 1: a dead process does nothing; work that was meant for it is lost.
Law 2: a stopped process does nothing; work that was meant for it waits, in order, until SIGCONT.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hadelect.sim.world import World


class Pipe:
    """What goes through it arrives in the order in which it was sent."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._free_at = 0

    def delay(self) -> int:
        """How long what is sent now takes."""
        world = self._world
        low, high = world.faults.pipe_ms
        arrives = world.now + (world.dice.randint(low, high) if high else low)
        self._free_at = max(arrives, self._free_at)
        return self._free_at - world.now


class Process:
    """One life of one process. `later` and `run` are the only ways to make it work."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.alive = True
        self.stopped = False
        self.went_on_at = -1  # After its last SIGSTOP.
        self.waiting: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def later(self, delay_ms: int, work: Callable[..., None], *args: Any) -> None:
        """Do `work` in `delay_ms`, if the process still lives then."""
        world = self.world
        world.at(world.now + delay_ms, self.run, work, *args)

    def run(self, work: Callable[..., None], *args: Any) -> None:
        if self.stopped:
            if self.alive:
                self.waiting.append((work, args))
        elif self.alive:
            work(*args)

    def sigstop(self) -> None:
        self.stopped = True

    def sigcont(self) -> None:
        """Go on with what waited, in the order in which it came."""
        if not self.stopped:
            return
        self.stopped = False
        self.went_on_at = self.world.now
        waiting, self.waiting = self.waiting, []
        for place, (work, args) in enumerate(waiting):
            if self.stopped:  # Stopped again by its own work.
                self.waiting = waiting[place:] + self.waiting
                return
            self.run(work, *args)

    def end(self) -> None:
        self.alive = False
        self.waiting.clear()
