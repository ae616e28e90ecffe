"""What members tell each other. `runtime/wire.py` is the only other place that lists these.

`sent_at` is on the sender's clock and only echoed; nobody else does arithmetic with it.
Every message travels in an envelope (pool, sender, protocol version, identity digest, config
digest) that the wire checks; a peer of another identity is heard only through its Hello.
"""

from dataclasses import dataclass

from hadelect.core.versions import Replica
from hadelect.core.vocabulary import (
    ControlleeState,
    Identity,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Term,
)


@dataclass(frozen=True, slots=True)
class Proof:
    """The secret of one leadership: who shows it has seen that the old controllee is dead."""

    term: Term
    leader: Name
    secret: str  # Hex; its SHA-256 (hex) was in every Alive of that leadership. "" = none at hand.


@dataclass(frozen=True)
class Controllee:
    """How the sender's controllee is doing; for status and for peers' decisions."""

    name: str = ""
    state: ControlleeState = ControlleeState.STOPPED
    pid: int = 0  # Host pid of the tree's first process; 0 = none.
    since: str = ""  # Wall clock, ISO 8601 UTC, for humans only.
    restarts: int = 0


@dataclass(frozen=True)
class Standing:
    """What a member says of itself to everyone it talks to."""

    role: Role
    term: Term  # Of the leadership it leads or follows.
    leader: Name | None  # Whom it follows (itself when it leads).
    leader_heard_ms: Millis  # How long ago it heard that leader; 0 when it leads.
    known_term: Term  # The highest it voted for, followed, led or was named.
    blank: bool  # It knows of no leadership ever: a fresh member.
    mute: bool
    fit: bool
    unfit_because: str
    drained: bool
    hears: tuple[Name, ...]  # The peers it heard within one lease.
    controllee: Controllee = Controllee()
    replica: Replica | None = None  # None: it replicates nothing.


@dataclass(frozen=True, slots=True)
class Hello:
    """First on every stream: what must be equal, in full, so that a refusal can name it."""

    identity: Identity
    version: str  # Software version.
    life: str  # Random name of this process: two lives at once mean two daemons of one name.


@dataclass(frozen=True, slots=True)
class Report:
    """I am here (members that do not lead, and answers that need no message of their own)."""

    standing: Standing


@dataclass(frozen=True, slots=True)
class Alive:
    """I am alive: the leader's heartbeat. An ack of it extends the leader's authority."""

    term: Term
    sent_at: Millis
    lease_ms: Millis  # The leader's own lease: this is what a voter promises.
    secret_hash: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class AliveAck:
    """I heard the Alive sent at `sent_at`. Follows it only if `standing` names (term, sender).

    `lease_ms`: what I promised silence for since I heard it, as far as my disk knows; 0 = nothing.
    """

    term: Term
    sent_at: Millis
    lease_ms: Millis
    standing: Standing


@dataclass(frozen=True, slots=True)
class Leader:
    """I am leader: said once to all when a leadership begins."""

    term: Term
    lease_ms: Millis
    secret_hash: str


@dataclass(frozen=True, slots=True)
class PreVote:
    """Would you grant me a term? Binds nobody. `silent`: the leader I no longer hear."""

    round: Millis  # Names the question; echoed.
    silent: Leadership | None
    proof: Proof | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class PreVoteReply:
    round: Millis
    refusal: Refusal | None  # None = granted.
    standing: Standing


@dataclass(frozen=True, slots=True)
class SendId:
    """A candidate's claim (HTCondor's SEND_ID): vote for me for this term."""

    term: Term
    sent_at: Millis
    lease_ms: Millis
    secret_hash: str
    proof: Proof | None  # Voids the promise made to the leadership it names.


@dataclass(frozen=True, slots=True)
class Vote:
    """I promised silence for your lease, and the vote is on my disk.

    `replica`: a winner must know what state its voters hold, and a standing may be a second old.
    """

    term: Term
    sent_at: Millis
    replica: Replica | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """No vote for you in this term."""

    term: Term
    refusal: Refusal
    standing: Standing


@dataclass(frozen=True, slots=True)
class Withdraw:
    """I gave this candidacy up and will never count a vote of it: you are free."""

    term: Term


@dataclass(frozen=True, slots=True)
class Resign:
    """My controllee is verified dead: my voters are free; `successor` may stand at once."""

    proof: (
        Proof  # secret "" when the supervisor could not be asked: then only the direct word counts.
    )
    successor: Name | None
    because: str


@dataclass(frozen=True, slots=True)
class AskHandover:
    """The primary asks the leader to hand over to it."""

    term: Term
    because: str


@dataclass(frozen=True, slots=True)
class Goodbye:
    """I leave on purpose."""

    because: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Datagram to a silent leader: are you there?"""

    term: Term
    sent_at: Millis


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """Datagram: I am, and this is what I do."""

    sent_at: Millis
    leads: Term  # The term I lead, or 0.


Message = (
    Hello
    | Report
    | Alive
    | AliveAck
    | Leader
    | PreVote
    | PreVoteReply
    | SendId
    | Vote
    | Refused
    | Withdraw
    | Resign
    | AskHandover
    | Goodbye
    | Probe
    | ProbeReply
)
