"""Everything a member can ask of the world: values. What takes time answers as an event."""

from dataclasses import dataclass

from hadelect.core.messages import Message, Probe, ProbeReply
from hadelect.core.vocabulary import Cause, Errand, Millis, Name, Role, Term


@dataclass(frozen=True, slots=True)
class Send:
    """On the stream to a peer; lost if there is none."""

    to: Name
    message: Message


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """By UDP. A Probe also makes the peer's stream start afresh (a new connection)."""

    to: Name
    message: Probe | ProbeReply


@dataclass(frozen=True)
class Record:
    """What a member must remember over a restart. The voters' list in force stands beside it.

    Whom it owes silence to (`promised_*`) is written before the first vote or ack of that promise
    leaves, so a record found after a crash names the only leader that may still count on it; until
    when is known only from a record written at a clean stop.
    """

    serial: int = 0  # Counts the writes of this life; Persisted names it.
    term: Term = Term(0)  # The highest term voted for.
    vote: Name | None = None
    led: Term = Term(0)  # The highest term known to have been led, by whomever.
    drained: bool = False
    promised_term: Term = Term(0)
    promised_to: Name | None = None
    promised_hash: str = ""  # SHA-256 of the secret that voids the promise.
    longest_lease_ms: Millis = Millis(0)  # The longest lease ever promised.
    forgetful: bool = False  # Begun without a record, and nothing promised since: still mute.
    clean: bool = False  # Written at a clean stop: then the two below are the whole truth.
    promised_until: Millis = Millis(0)  # On this boot's CLOCK_BOOTTIME.
    mute_until: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class Persist:
    """Put the record on disk; once it is there carry out `then` and say Persisted."""

    record: Record
    then: tuple[Send, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Start the controllee; SIGKILL for its tree is due at `deadline` (own CLOCK_BOOTTIME)."""

    term: Term
    deadline: Millis


@dataclass(frozen=True, slots=True)
class Extend:
    """Move the deadline; the supervisor client watches for the acknowledgement."""

    term: Term
    deadline: Millis


@dataclass(frozen=True, slots=True)
class Stop:
    """End the tree: `kill` = SIGKILL at once, else graceful first. STOPPED tells the end of it."""

    term: Term
    kill: bool
    because: str


@dataclass(frozen=True, slots=True)
class Retitle:
    """The running tree of `term` goes on as `to` (a leader that took a higher term)."""

    term: Term
    to: Term


@dataclass(frozen=True, slots=True)
class End:
    """End the tree, gracefully first; the leadership goes on. STOPPED (not asked) tells its end."""

    term: Term
    because: str


@dataclass(frozen=True, slots=True)
class Run:
    """Run the administrator's command, or ask the replication daemon; Ran tells how it ended.

    A hook that a reload has taken away meanwhile is nothing to do: done. It must not veto.
    """

    id: int
    errand: Errand
    term: Term
    cause: Cause
    old: Name | None = None  # The leader before …
    new: Name | None = None  # … and after.


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants that errand any more: kill it. Ran still tells its end."""

    id: int


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the humans: log, history, metrics, traces. Nothing in the pool depends on it."""

    role: Role
    term: Term
    because: str
    cause: Cause | None = None  # Set when the role changed.
    was: Role | None = None
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to an operator's command."""

    id: int
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Quit:
    """Clean end of this daemon: all is stopped, said and written."""

    code: int


Effect = (
    Send
    | SendDatagram
    | Persist
    | Start
    | Extend
    | Stop
    | Retitle
    | End
    | Run
    | Cancel
    | Emit
    | Answer
    | Quit
)
