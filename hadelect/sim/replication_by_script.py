"""A replication daemon that says what a trace tells it to: HAD's side, without any copying.

It holds a version and an opinion. Asked to prepare, it takes the newest version that the machines
that it can talk to hold; asked to flush, it takes one more and hands it to the successor. A
`habit` (fails, hangs, unknown, see `errand`) replaces that. Silent, it says nothing at all.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from hadelect.core.effects import Run
from hadelect.core.events import Ran, ReplicaChanged
from hadelect.core.versions import Replica, Version, newer, newest
from hadelect.core.vocabulary import Errand, Millis, Outcome, Term
from hadelect.sim.beside import Replication

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.machine import Machine

WORD_MS = 1  # From one process to the other.
FETCH_MS = 300
FLUSH_MS = 40
LIMIT_MS = 30_000  # REPLICATION_FLUSH_TIMEOUT.
SILENT_MS = 3_000  # Then HAD says that it does not answer.
SILENT = "the replication daemon does not answer"


def version_of(text: str) -> Version:
    """`7.42`, or `7.42x` for another content at that place."""
    term, sequence = text.rstrip("x").split(".")
    return Version(Term(int(term)), int(sequence), f"content of {text}")


class ReplicationByScript(Replication):
    """Of one machine, over all its lives."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self._replica = Replica(ready=True)
        self._is_silent = False
        self._asked: dict[int, Run] = {}

    @property
    def held(self) -> Version | None:
        return self._replica.version

    # -- told by the trace -----------------------------------------------------------------------

    def set(self, words: list[str]) -> None:
        """`silent`, or `version=T.S known=T.S ready=yes|no lag=SECONDS problem=WORDS_LIKE_THIS`."""
        self._is_silent = "silent" in words
        given = dict(word.split("=") for word in words if "=" in word)
        own = self._replica
        known = given.get("known", "")
        self._replica = Replica(
            version=version_of(given["version"]) if "version" in given else own.version,
            known=version_of(known) if known else own.known,
            ready=given.get("ready", "yes") == "yes",
            lag_ms=Millis(round(float(given.get("lag", "0")) * 1000)),
            problem=given.get("problem", "").replace("_", " "),
        )
        self._say()

    # -- asked by HAD ----------------------------------------------------------------------------

    def connect(self, daemon: "Daemon") -> None:
        """HAD's daemon begins a life."""
        self._asked.clear()
        if daemon.state.replica is not None:
            self._say()

    def run(self, daemon: "Daemon", run: Run) -> None:
        world, name = self._machine.world, self._machine.name
        to = f" to {run.new}" if run.errand is Errand.FLUSH_STATE and run.new else ""
        world.say(name, f"asks for {run.errand.value}{to}")
        self._asked[run.id] = run
        habit = self._machine.habits.get(run.errand, "")
        if self._is_silent or habit == "unknown":
            daemon.later(SILENT_MS, self._answer, daemon, run, (Outcome.UNKNOWN, SILENT))
        elif habit == "hangs":
            daemon.later(LIMIT_MS, self._answer, daemon, run, (Outcome.FAILED, "not done in 30 s"))
        elif habit == "fails":
            words = "state 64.9, which cm1 had last, is out of reach"
            daemon.later(WORD_MS, self._answer, daemon, run, (Outcome.FAILED, words))
        elif run.errand is Errand.FLUSH_STATE:
            daemon.later(FLUSH_MS, self._flush, daemon, run)
        else:
            daemon.later(FETCH_MS, self._fetch, daemon, run)

    def cancel(self, number: int) -> None:
        if self._asked.pop(number, None):
            self._machine.world.say(self._machine.name, "does not want it any more")

    # -- what it does ----------------------------------------------------------------------------

    def _fetch(self, daemon: "Daemon", run: Run) -> None:
        machines = self._machine.world.machines.values()
        best = newest(_held(machine) for machine in machines if machine.up)
        if newer(best, self.held):
            self.take(best)
        self._answer(daemon, run, (Outcome.DONE, ""))

    def _flush(self, daemon: "Daemon", run: Run) -> None:
        sequence = self.held.sequence + 1 if self.held and self.held.term == run.term else 1
        version = version_of(f"{run.term}.{sequence}")
        self.take(version)
        to = self._machine.world.machines[run.new].replication if run.new else None
        if isinstance(to, ReplicationByScript):
            to.take(version)
        self._answer(daemon, run, (Outcome.DONE, ""))

    def take(self, version: Version | None) -> None:
        self._replica = replace(self._replica, version=version, known=version, ready=True)
        self._say()

    def _answer(self, daemon: "Daemon", run: Run, end: tuple[Outcome, str]) -> None:
        if self._asked.pop(run.id, None) is not None:
            daemon.later(WORD_MS, daemon.feed, Ran(run.id, *end))

    def _say(self) -> None:
        daemon = self._machine.daemon
        if daemon is not None:
            replica = self._replica
            if self._is_silent:
                replica = replace(replica, ready=False, problem=SILENT)
            daemon.later(WORD_MS, daemon.feed, ReplicaChanged(replica))


def _held(machine: "Machine") -> Version | None:
    other = machine.replication
    return other.held if isinstance(other, ReplicationByScript) else None
