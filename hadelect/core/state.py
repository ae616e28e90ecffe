"""What one member knows and has promised. Frozen and hashable: it can be diffed, replayed, searched."""

from dataclasses import dataclass, replace
from typing import Self

from hadelect.core.effects import Effect, Record
from hadelect.core.messages import Controllee, Proof, Standing
from hadelect.core.vocabulary import (
    NO_TERM,
    Cause,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Term,
)

LONG_AGO = Millis(-(10**9))


@dataclass(frozen=True, slots=True)
class PeerView:
    """A peer as last heard."""

    name: Name
    heard_at: Millis = LONG_AGO  # Own clock; LONG_AGO = never in this life.
    said_at: Millis = LONG_AGO  # When we last sent it a report.
    standing: Standing | None = None
    version: str = ""
    life: str = ""
    refused_because: str = ""  # Not empty: incompatible, and how.


@dataclass(frozen=True, slots=True)
class Promise:
    """Silence towards everybody but `leader`, until then. Term and leader name what may void it."""

    term: Term
    leader: Name
    until: Millis


@dataclass(frozen=True, slots=True)
class Known:
    """A leadership heard of, with the hash that its secret must have."""

    term: Term
    leader: Name
    secret_hash: str


class Phase:
    """Where a candidacy stands; the role is ELECTION in all of them."""

    PROBE = "probe"  # Asks the silent leader once more.
    PREVOTE = "prevote"  # Asks all, binding nobody.
    VOTE = "vote"  # Stands.


@dataclass(frozen=True, slots=True)
class Candidacy:
    phase: str
    cause: Cause
    since: Millis  # When this phase began.
    silent: Leadership | None  # The leader no longer heard.
    proof: Proof | None  # Or the secret that released its voters.
    probes: int = 0
    term: Term = NO_TERM  # VOTE only.
    sent_at: Millis = Millis(0)
    grants: tuple[Name, ...] = ()
    refusals: tuple[tuple[Name, Refusal], ...] = ()
    durable: bool = False  # Our own vote is on disk.


@dataclass(frozen=True, slots=True)
class Leading:
    """What only a leader has."""

    authority_until: Millis
    alive_at: Millis  # When the last Alive left.
    alive_due: Millis
    acked: tuple[tuple[Name, Millis], ...] = ()  # Peer -> send time of the newest Alive it acked.
    deadline: Millis = LONG_AGO  # Last one asked of the supervisor.
    retitling: Term = NO_TERM  # A higher term being written; led once it is durable.


@dataclass(frozen=True, slots=True)
class Leaving:
    """A leader on its way out: it sends Alive until its tree is dead, then Resign to all."""

    successor: Name | None
    cause: Cause
    because: str
    command: int = 0  # To be answered when it is over; 0 = nobody waits.
    quit: bool = False  # And then end this daemon.


@dataclass(frozen=True, slots=True)
class Fitness:
    """Why this member should not lead; all empty = fit."""

    store: str = ""  # The state directory does not take our writes.
    leftover: str = ""  # Something of an earlier life still runs.
    controllee: str = ""  # Restart limit, failed exec, stop_failed …
    until: Millis = Millis(0)  # … until when (cooldown); 0 = until it changes.


@dataclass(frozen=True, slots=True)
class State:
    now: Millis  # Of the last step.
    role: Role
    since: Millis  # When this role began.
    record: Record  # As last handed to the disk.
    durable: int  # Serial of the newest record known to be on disk.
    blank: bool  # No durable state of an earlier life, and not voted since.
    mute_until: Millis
    peers: tuple[PeerView, ...]
    term: Term = NO_TERM  # Of the leadership led or followed.
    leader: Name | None = None
    heard_at: Millis = LONG_AGO  # The leader's last Alive.
    patience_until: Millis = Millis(0)  # Silence beyond this is suspect.
    stalled_ms: Millis = Millis(0)  # Patience already added in this silence.
    lease_ms: Millis = Millis(0)  # The followed leader's.
    promise: Promise | None = None
    known: tuple[Known, ...] = ()  # The newest leaderships heard of, newest last.
    released: tuple[Leadership, ...] = ()  # Proven over: nothing of theirs counts any more.
    stand_at: Millis | None = None  # When our turn comes (staggered by priority).
    candidacy: Candidacy | None = None
    wanted: Candidacy | None = None  # What we shall stand for when our turn comes.
    objected: bool = False  # Our one objection of this silence is spent.
    leading: Leading | None = None
    leaving: Leaving | None = None
    secret_hash: str = ""  # Of the next leadership, from the supervisor; "" = not ready.
    controllee: Controllee = Controllee()
    restart_at: Millis | None = None
    exits: tuple[Millis, ...] = ()  # Local restarts within the window.
    fitness: Fitness = Fitness()
    ask_at: Millis | None = None  # The primary asks for a handover then.
    preempts: int = 0  # Returns of this primary that failed again: its cooldown doubles.
    ending: bool = False  # Shutdown asked for.

    def peer(self, name: Name) -> PeerView | None:
        return next((peer for peer in self.peers if peer.name == name), None)

    def with_peer(self, view: PeerView) -> Self:
        return replace(
            self, peers=tuple(view if peer.name == view.name else peer for peer in self.peers)
        )


@dataclass(frozen=True, slots=True)
class Decision:
    state: State
    effects: tuple[Effect, ...] = ()
