"""Everything that can happen to a member."""

from dataclasses import dataclass

from hadelect.core.messages import Message, Proof
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import ControlleeState, Millis, Name, Outcome, Rules, Term


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by. `due`: when we had asked to be woken; later than that, we were stalled."""

    due: Millis


@dataclass(frozen=True, slots=True)
class Received:
    """A message of a member; the wire has checked pool, sender and (but for Hello) identity."""

    sender: Name
    message: Message


@dataclass(frozen=True, slots=True)
class PeerRefused:
    """A peer that must not take part (other identity, our own name, too new a protocol)."""

    sender: Name
    because: str


@dataclass(frozen=True, slots=True)
class Released:
    """A death notice: this secret was revealed by the leader's supervisor."""

    proof: Proof


@dataclass(frozen=True, slots=True)
class SupervisorReady:
    """Nothing of an earlier life runs here; this is the hash of the next leadership's secret."""

    secret_hash: str


@dataclass(frozen=True, slots=True)
class LeftoverStuck:
    """Something of an earlier life cannot be killed: stay PRE and unfit until it is gone."""

    because: str


@dataclass(frozen=True, slots=True)
class ControlleeChanged:
    """What became of the tree of `term`; the supervisor verified it.

    STOPPED: nothing of the tree is left. `asked` tells a stop that we asked for from an exit.
    `secret` comes with an asked STOPPED only (that leadership can never start again) and
    `next_secret_hash` replaces the hash then.
    """

    term: Term
    state: ControlleeState
    pid: int = 0
    since: str = ""
    because: str = ""
    asked: bool = False
    exec_failed: bool = False
    secret: str = ""
    next_secret_hash: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the errand of that Run."""

    id: int
    outcome: Outcome
    because: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaChanged:
    """What the replication daemon beside us says of our copy of the state."""

    replica: Replica


@dataclass(frozen=True, slots=True)
class ReplicationSaid:
    """What it did that people must know: a line kept aside, a loss accepted by an operator …"""

    because: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Persisted:
    """The record with this serial number (and all before it) is on disk."""

    serial: int


@dataclass(frozen=True, slots=True)
class PersistFailed:
    serial: int
    because: str


@dataclass(frozen=True, slots=True)
class Handover:
    """Operator: move the leadership. `force`: although the stop failed or nobody is fit."""

    id: int
    to: Name | None
    because: str
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Drain:
    """Operator: this member never leads until undrained."""

    id: int
    drained: bool
    because: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Clean stop of this daemon (SIGTERM)."""

    because: str


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The configuration was read again: `rules` hold from here on, for every later step.

    The identity in them is the old one. `warning`: it was refused, in whole or in part, and why.
    """

    rules: Rules
    because: str
    warning: bool = False


Command = Handover | Drain | Shutdown

Event = (
    Tick
    | Received
    | PeerRefused
    | Released
    | SupervisorReady
    | LeftoverStuck
    | ControlleeChanged
    | Ran
    | ReplicaChanged
    | ReplicationSaid
    | Persisted
    | PersistFailed
    | Handover
    | Drain
    | Shutdown
    | Reloaded
)
