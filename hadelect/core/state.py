"""What one member knows and has promised.

Frozen and hashable: it can be diffed, replayed and searched exhaustively.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Self

from hadelect.core.effects import Effect, Record, Run
from hadelect.core.frozen import replace
from hadelect.core.messages import Controllee, Proof, Standing
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import (
    NO_TERM,
    Cause,
    Errand,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Term,
)

LONG_AGO = Millis(-(10**12))


@dataclass(frozen=True)
class PeerView:
    """A peer as last heard."""

    name: Name
    heard_at: Millis = LONG_AGO  # Own clock; LONG_AGO = not in this life.
    gone: bool = False  # It said goodbye, or its supervisor said that it is dead.
    standing: Standing | None = None
    said_at: Millis = LONG_AGO  # When it said last how old its copy of the state is.
    version: str = ""
    life: str = ""
    refused_because: str = ""  # Not empty: incompatible, and how …
    refused_at: Millis = LONG_AGO  # … as last seen.
    told_refusal: str = ""  # What people were told last of it …
    told_refusal_at: Millis = LONG_AGO  # … and when.


@dataclass(frozen=True, slots=True)
class Promise:
    """Silence towards everybody but `leader`, until then. Term and leader name what may void it."""

    term: Term
    leader: Name
    until: Millis


@dataclass(frozen=True, slots=True)
class Known:
    """A leadership heard of, with the hash that its secret must have."""

    leadership: Leadership
    secret_hash: str


class Phase(Enum):
    """Where a candidacy stands; the role is ELECTION in all of them."""

    PROBE = "probe"  # Asks the silent leader once more.
    PREVOTE = "prevote"  # Asks all, binding nobody.
    FENCE = "fence"  # Has the silent leader fenced; asks all again after that.
    VOTE = "vote"  # Stands.


@dataclass(frozen=True)
class Candidacy:
    """Why and how far this member stands for leader. Kept while it waits for its turn, too."""

    phase: Phase
    cause: Cause
    because: str
    silent: Leadership | None = None  # The leader no longer heard.
    proof: Proof | None = None  # Or the secret that released its voters.
    since: Millis = Millis(0)  # When this phase began; names the round.
    probes: int = 0
    fence_id: int = 0  # FENCE only: the errand that is waited for.
    fence_failures: int = 0
    term: Term = NO_TERM  # VOTE only.
    serial: int = 0  # VOTE only: the record that holds our own vote.
    claimed_at: Millis = Millis(0)  # VOTE only: when this term was claimed first.
    lease_ms: Millis = Millis(0)  # VOTE only: the lease that the present claim says.
    grants: tuple[Name, ...] = ()
    refusals: tuple[tuple[Name, Refusal], ...] = ()

    def with_grant(self, name: Name) -> Self:
        refusals = tuple(pair for pair in self.refusals if pair[0] != name)
        others = tuple(n for n in self.grants if n != name)
        return replace(self, grants=(*others, name), refusals=refusals)

    def with_refusal(self, name: Name, refusal: Refusal) -> Self:
        refusals = tuple(pair for pair in self.refusals if pair[0] != name)
        grants = tuple(n for n in self.grants if n != name)
        return replace(self, grants=grants, refusals=(*refusals, (name, refusal)))


@dataclass(frozen=True)
class Leading:
    """What only a leader has."""

    authority_until: Millis
    alive_due: Millis
    secret_hash: str  # Of this leadership: in every Alive.
    cause: Cause  # Why it stood.
    acked: tuple[tuple[Name, Millis], ...] = ()  # Peer -> how long it is silent for us.
    longest_ms: Millis = Millis(0)  # The longest lease that an Alive of ours has said.
    beat_ms: Millis = Millis(0)  # Between two Alives, at present.
    margin_ms: Millis = Millis(0)  # From SIGKILL to the end of authority, at present.
    deadline: Millis = LONG_AGO  # The last one asked of the supervisor.
    started: bool = False  # The supervisor was told to start its tree.
    closed: bool = False  # The supervisor has ended this leadership for good.
    retitling: tuple[Term, int] | None = None  # A higher term and the serial that makes it durable.
    rival_since: Millis | None = None  # Another leader that does not hear us is heard since then.
    rival_at: Millis = LONG_AGO


@dataclass(frozen=True, slots=True)
class Leaving:
    """A leader on its way out: it sends Alive until its tree is dead, then Resign to all."""

    successor: Name | None
    cause: Cause
    because: str
    command: int = 0  # To be answered when it is over; 0 = nobody waits.
    secret: str = ""  # Revealed already; Resign waits for HAD_POST_STOP.


@dataclass(frozen=True)
class Fitness:
    """Why this member should not lead; all empty = fit."""

    store: str = ""  # The state directory does not take our writes.
    store_retry_at: Millis = Millis(0)
    leftover: str = ""  # Something of an earlier life still runs.
    controllee: str = ""  # Restart limit, failed exec, stop_failed …
    state: str = ""  # It led and could not have the newest state, which another has …
    until: Millis | None = None  # … until when (cooldown); None = until it changes.


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks that run and wait: in order, one at a time."""

    running: Run | None = None
    unwanted: bool = False  # What runs was cancelled: its outcome counts for nothing.
    waiting: tuple[Run, ...] = ()
    failed: tuple[Errand, int] | None = None  # The last that failed, and its number: for metrics.
    undo: bool = False  # A start began: HAD_POST_STOP is owed.
    told: Name | None = None  # The leader that HAD_ON_LEADER_CHANGE was told of last.
    farewell: Name | None = None  # Who resigned last.


@dataclass(frozen=True, slots=True)
class Check:
    """The health probe of the running controllee."""

    due: Millis | None = None  # None = nothing to probe.
    id: int = 0  # Of the probe that runs; 0 = none.
    passed: bool = False  # It was well once.
    grace_until: Millis = LONG_AGO
    failures: int = 0  # In a row.
    because: str = ""  # The last word of a probe that was not well.
    hung: str = ""  # Why its tree is being ended; "" = it is not.


@dataclass(frozen=True, slots=True)
class Gate:
    """What the replication daemon is asked for around a start, or after the end of the tree."""

    run: Run | None = None  # Asked now; or, with `retry_at`, to be asked again.
    since: Millis = Millis(0)  # When this start began to wait.
    retry_at: Millis | None = None
    because: str = ""  # Why the last preparation failed.
    flushed: bool = False  # It was asked for the last copy of this leadership.


@dataclass(frozen=True)
class State:
    now: Millis  # Of the last step.
    started_at: Millis  # When this life began; later by the time it was not scheduled.
    role: Role
    since: Millis  # When this role began.
    record: Record  # As last handed to the disk.
    durable: int  # Serial of the newest record known to be on disk.
    forgetful: bool  # Started without a record: votes only after it has learned the others' terms.
    mute_until: Millis
    report_due: Millis
    patience_until: Millis  # Silence beyond this is suspect.
    peers: tuple[PeerView, ...]
    term: Term = NO_TERM  # Of the leadership led or followed.
    leader: Name | None = None
    heard_at: Millis = LONG_AGO  # The leader's last Alive (or a third member's word of it).
    lease_ms: Millis = Millis(0)  # The followed leader's.
    stalled_ms: Millis = Millis(0)  # Patience already added in this silence.
    promise: Promise | None = None
    promise_serial: int = (
        0  # The record that names the promise's holder; no ack before it is durable.
    )
    lease_serial: int = 0  # The record that names the longest lease promised; until it is durable …
    shorter_ms: Millis = Millis(0)  # … acks count for this one only.
    known: tuple[Known, ...] = ()  # The newest leaderships heard of, newest last.
    released: tuple[Leadership, ...] = ()  # Proven over: nothing of theirs counts any more.
    fenced: Leadership | None = None  # HAD_FENCE_COMMAND has said that it is no more.
    stand_at: Millis | None = None  # When our turn comes, or when to look again.
    wanted: Candidacy | None = None  # What we shall stand for when our turn comes.
    candidacy: Candidacy | None = None  # ELECTION only.
    objected: bool = False  # Our one objection of this silence is spent.
    leading: Leading | None = None  # LEADER only.
    leaving: Leaving | None = None  # LEADER only.
    secret_hash: str = ""  # Of the next leadership; "" = the supervisor is not ready.
    controllee: Controllee = Controllee()
    hooks: Hooks = Hooks()
    check: Check = Check()
    errand_serial: int = 0  # Numbers the errands of this life.
    restart_at: Millis | None = None
    exits: tuple[Millis, ...] = ()  # The controllee's own ends within the window.
    replica: Replica | None = None  # Our own copy of the state; None: nothing is replicated.
    replica_at: Millis = Millis(0)  # When the replication daemon said so.
    gate: Gate = Gate()
    fitness: Fitness = Fitness()
    relapses: int = 0  # How often we led and became unfit again: the cooldown doubles.
    ask_at: Millis | None = None  # The primary asks for its place then.
    spares: Name | None = None  # It became the primary while this one led: it does not ask.
    ending: bool = False  # Shutdown: once the leadership is over, write, say goodbye, quit.
    quit_serial: int = 0  # The clean record; once it is written we end. No vote or ack after it.

    def peer(self, name: Name) -> PeerView:
        """The view of `name`; raises StopIteration for a stranger (step drops those first)."""
        return next(peer for peer in self.peers if peer.name == name)

    def with_peer(self, view: PeerView) -> Self:
        peers = tuple([view if peer.name == view.name else peer for peer in self.peers])
        return replace(self, peers=peers)

    def with_record(self, record: Record) -> Self:
        return replace(self, record=replace(record, serial=self.record.serial + 1))


@dataclass(frozen=True, slots=True)
class Decision:
    state: State
    effects: tuple[Effect, ...] = ()

    def then(self, go_on: Callable[[State], "Decision"]) -> "Decision":
        """What is decided next, after this."""
        if not self.effects:
            return go_on(self.state)
        after = go_on(self.state)
        return Decision(after.state, self.effects + after.effects)

    def plus(self, *effects: Effect) -> "Decision":
        return Decision(self.state, self.effects + effects) if effects else self
