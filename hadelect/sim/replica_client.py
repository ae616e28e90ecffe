"""The stream between HAD's daemon and its replication daemon: runtime/replica.py, pretended.

Law 1: either side may end alone; the first words of every stream say all that the other must know,
       and what was not answered is asked again.
Law 2: a daemon that says nothing for SILENT_MS (it says something every second) does not answer.
Law 3: every errand ends: done, failed, or unknown because the daemon is silent.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from hadelect.core.effects import Run
from hadelect.core.events import Event, Ran, ReplicaChanged, ReplicationSaid
from hadelect.core.replication.effects import ErrandDone
from hadelect.core.replication.events import Event as ReplicationEvent
from hadelect.core.replication.events import Flush, HadGone, Prepare, Told, Unwanted
from hadelect.core.state_gate import UNKNOWN_YET, newest_heard, told_of
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Errand, Millis, Outcome
from hadelect.sim.process import Pipe

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.replication import ReplicationDaemon
    from hadelect.sim.world import World

SILENT_MS = 3_000
WORD_MS = 800  # Between two words of the daemon, at the longest.
DIAL_MS = (1, 1_000)  # Until HAD tries again to reach a daemon that was not there.
AGAIN_MS = 50
EOF_MS = (0, 2)
SILENT = "the replication daemon does not answer"


class ReplicaClient:
    """Of one machine, over the lives of both sides."""

    def __init__(self, world: "World", flush_ms: Millis) -> None:
        self._world = world
        self._flush_ms = flush_ms
        self._had: Daemon | None = None
        self._beside: ReplicationDaemon | None = None
        self._serial = 0  # Counts the streams.
        self._open = False
        self._answers = False
        self._told: Told | None = None
        self._replica = UNKNOWN_YET  # As HAD heard it last.
        self._asked: dict[int, Run] = {}
        self._to_had, self._from_had = Pipe(world), Pipe(world)

    # -- the stream ------------------------------------------------------------------------------

    def had_begins(self, daemon: "Daemon") -> None:
        self._had, self._asked, self._replica = daemon, {}, UNKNOWN_YET
        daemon.later(self._world.dice.randint(1, AGAIN_MS), self._dial, daemon)

    def replication_begins(self, daemon: "ReplicationDaemon") -> None:
        self._beside = daemon
        had = self._had
        if had is not None:
            had.later(self._world.dice.randint(*DIAL_MS), self._dial, had)

    def _dial(self, had: "Daemon") -> None:
        beside = self._beside
        if self._open or had is not self._had or beside is None:
            return
        if beside.stopped:  # It accepts, and says nothing.
            had.later(SILENT_MS, self._dial, had)
            return
        self._open, self._answers, self._told = True, False, None
        self._serial += 1
        beside.later(self._from_had.delay(), beside.greet, self._serial)
        self._tell(told_of(had.state))
        for run in self._asked.values():
            self._say(self._question(had, run))

    def had_gone(self, daemon: "Daemon") -> None:
        if daemon is not self._had:
            return
        self._had = None
        if self._open and self._beside is not None:
            self._open = False
            delay = self._from_had.delay() + self._world.dice.randint(*EOF_MS)
            self._beside.later(delay, self._beside.hear_from_had, self._serial, HadGone())

    def replication_gone(self, daemon: "ReplicationDaemon") -> None:
        if daemon is not self._beside:
            return
        self._beside = None
        if self._open and self._had is not None:
            self._open = False
            delay = self._to_had.delay() + self._world.dice.randint(*EOF_MS)
            self._had.later(delay, self._lost, self._had, self._serial)

    def replication_stopped(self, daemon: "ReplicationDaemon") -> None:
        """By SIGSTOP: HAD waits for the next word."""
        had = self._had
        if had is not None and daemon is self._beside:
            wait = SILENT_MS - self._world.dice.randint(0, WORD_MS)
            had.later(wait, self._look_whether_it_speaks, had, daemon.stops)

    def _look_whether_it_speaks(self, had: "Daemon", stops: int) -> None:
        beside = self._beside
        if beside is None or not beside.stopped or beside.stops != stops or not self._open:
            return
        self._open = False
        beside.later(0, beside.hear_from_had, self._serial, HadGone())
        self._lost(had, self._serial)

    def _lost(self, had: "Daemon", serial: int) -> None:
        if serial != self._serial or had is not self._had:
            return
        for number in self._asked:
            had.later(SILENT_MS, self._look_again, had, number)
        self._answers = False
        had.later(AGAIN_MS, self._dial, had)
        self._changed(had, replace(self._replica, ready=False, problem=SILENT))

    # -- HAD's side ------------------------------------------------------------------------------

    def stepped(self, had: "Daemon") -> None:
        if self._open and had is self._had:
            self._tell(told_of(had.state))

    def _tell(self, told: Told) -> None:
        if told != self._told:
            self._told = told
            self._say(told)

    def run(self, had: "Daemon", run: Run) -> None:
        self._asked[run.id] = run
        if self._open:
            self._tell(told_of(had.state))
            self._say(self._question(had, run))
        if run.errand is Errand.FLUSH_STATE:
            had.later(self._flush_ms, self._too_late, had, run.id)
        had.later(SILENT_MS, self._look_again, had, run.id)

    def asked(self, number: int) -> Run | None:
        """What is not answered yet."""
        return self._asked.get(number)

    def cancel(self, number: int) -> None:
        if self._asked.pop(number, None) is not None:
            self._say(Unwanted(number))

    def _question(self, had: "Daemon", run: Run) -> ReplicationEvent:
        if run.errand is Errand.FLUSH_STATE:
            return Flush(run.id, run.term, run.new)
        return Prepare(run.id, run.term, newest_heard(had.rules, had.state))

    def _say(self, word: ReplicationEvent) -> None:
        beside = self._beside
        if self._open and beside is not None:
            beside.later(self._from_had.delay(), beside.hear_from_had, self._serial, word)

    def _too_late(self, had: "Daemon", number: int) -> None:
        if had is self._had and number in self._asked:
            self._say(Unwanted(number))
            self._end(had, number, Outcome.FAILED, "not done in time (REPLICATION_FLUSH_TIMEOUT)")

    def _look_again(self, had: "Daemon", number: int) -> None:
        if had is self._had and not self._answers:
            self._end(had, number, Outcome.UNKNOWN, SILENT)

    def _end(self, had: "Daemon", number: int, outcome: Outcome, because: str) -> None:
        if self._asked.pop(number, None) is not None:
            self._world.counters[f"errands of the state: {outcome.value}"] += 1
            had.feed(Ran(number, outcome, because))

    # -- the daemon's side -----------------------------------------------------------------------

    def report(self, replica: Replica) -> None:
        self._to_hads_ear(ReplicaChanged(replica))

    def errand_done(self, done: ErrandDone) -> None:
        outcome = Outcome.DONE if done.ok else Outcome.FAILED
        self._to_hads_ear(Ran(done.id, outcome, done.because))

    def told_people(self, because: str, *, warning: bool) -> None:
        self._to_hads_ear(ReplicationSaid(because, warning))

    def _to_hads_ear(self, word: Event) -> None:
        had = self._had
        if self._open and had is not None:
            had.later(self._to_had.delay() + 1, self._hear, had, self._serial, word)

    def _hear(self, had: "Daemon", serial: int, word: Event) -> None:
        if serial != self._serial or had is not self._had:
            return
        self._answers = self._open
        match word:
            case ReplicaChanged():
                self._changed(had, word.replica)
            case Ran():
                self._end(had, word.id, word.outcome, word.because)
            case _:
                had.feed(word)

    def _changed(self, had: "Daemon", replica: Replica) -> None:
        if replica != self._replica:
            self._replica = replica
            had.feed(ReplicaChanged(replica))
