"""The pretend world: virtual time, dice, a log, and what is in it (machines, network, referees).

Law 1: all chance comes from one seed, all order from the queue: same seed, same log, whatever
       PYTHONHASHSEED says. So nothing here ever iterates a set.
Law 2: time is whole milliseconds and moves only in `run_until`. Members never see it: they see
       their machine's CLOCK_BOOTTIME.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from hadelect.core import election
from hadelect.core.effects import Record
from hadelect.core.events import Event
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Arbitration, Identity, Millis, Name, Role, Rules
from hadelect.sim.faults import Faults
from hadelect.sim.machine import Machine
from hadelect.sim.network import Link, Network
from hadelect.sim.referees import Referees
from hadelect.sim.replica_policy import REAL_POLICY, Policy

if TYPE_CHECKING:
    from hadelect.sim.replication import Pool


@dataclass(frozen=True, slots=True)
class Core:
    """What decides; the real one unless a test breaks it on purpose."""

    boot: Callable[[Rules, Record | None, bool, Millis], Decision] = election.boot
    step: Callable[[Rules, State, Event, Millis], Decision] = election.step
    wake_at: Callable[[Rules, State], Millis] = election.wake_at
    replication: Policy | None = None  # None: nothing is replicated.


REAL_CORE = Core()
REPLICATING = Core(replication=REAL_POLICY)


def pool_of(
    size: int, witnesses: int = 0, arbitration: Arbitration = Arbitration.MAJORITY, **timing: Any
) -> tuple[Rules, ...]:
    """The rules of members cm1 … and witnesses w1 …; `timing` are further fields of Rules."""
    members = tuple(Name(f"cm{number}") for number in range(1, size + 1))
    others = tuple(Name(f"w{number}") for number in range(1, witnesses + 1))
    identity = Identity("sim", members, others, arbitration, "NEGOTIATOR")
    return tuple(Rules(me, identity, **timing) for me in members + others)


class World:
    """`rules`: one per machine. All machines are off until somebody calls `power_on`."""

    def __init__(
        self, rules: tuple[Rules, ...], seed: int, faults: Faults, core: Core = REAL_CORE
    ) -> None:
        self.dice = Random(seed)
        self.seed = seed
        self.faults = faults
        self.core = core
        self.now = 0
        self.verbose = False  # Also whisper every message.
        self.tell: Callable[[str], None] | None = None  # Hears every line as it is said.
        self.steps = 0
        self.log: list[str] = []
        self.counters: Counter[str] = Counter()
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self.names = tuple(each.me for each in rules)
        self.referees = Referees(self, rules)
        self.machines = {each.me: Machine(self, each) for each in rules}
        self.network = Network(self)
        self.replicas: Pool | None = None  # What `replication.replicate` adds.

    def at(self, when: int, work: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, work, args))

    def run_until(self, when: int) -> None:
        """Let everything happen that is due until then. Raises BrokenPromise."""
        queue, pop = self._queue, heapq.heappop
        while queue and queue[0][0] <= when:
            self.now, _, work, args = pop(queue)
            work(*args)
        self.now = when
        self.referees.look()

    def run_for(self, length_ms: int) -> None:
        self.run_until(self.now + length_ms)

    def say(self, who: str, what: str) -> None:
        """A line of the log."""
        self.log.append(self._line(who, what))
        if self.tell is not None:
            self.tell(self.log[-1])

    def whisper(self, who: str, what: str) -> None:
        """For who listens to every message; no part of the log."""
        if self.tell is not None:
            self.tell(self._line(who, what))

    def _line(self, who: str, what: str) -> str:
        return f"{self.now / 1000:8.3f}s  {who:<4} {what}"

    def cut(self, links: Iterable[Link]) -> None:
        """These directions of links carry nothing from now on."""
        new = list(links)
        self.say("", "cut: " + ", ".join(f"{source}->{to}" for source, to in new))
        self.network.cut(new)

    def heal(self) -> None:
        """Every link carries everything again."""
        self.say("", "all links are whole")
        self.network.heal()

    def digest(self) -> str:
        """Names everything that happened, down to the last throw of the dice."""
        said = hashlib.sha256("\n".join(self.log).encode())
        said.update(repr((self.now, self.steps, self._count, self.dice.getstate())).encode())
        return said.hexdigest()

    def leaders(self) -> list[Name]:
        """The members whose daemon says that it leads."""
        return [name for name in self.names if self.machines[name].role is Role.LEADER]
