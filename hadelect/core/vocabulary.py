"""The words every other module speaks: who, when, how urgent.

Law 1: all times are whole milliseconds of the member's own CLOCK_BOOTTIME, rounded down.
Law 2: no time of one host is ever compared with a time of another.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NewType

Name = NewType("Name", str)  # A HAD_LIST entry, e.g. "cm1:51450": the member's name.
Term = NewType("Term", int)  # The number of one leadership: the fencing token.
Millis = NewType("Millis", int)  # An instant or a length, in milliseconds of CLOCK_BOOTTIME.

TERM_STRIDE = 64  # Terms are unique: term % TERM_STRIDE is the candidate's position in the list.
NO_TERM = Term(0)
MAX_TERM = Term(2**53)  # What the wire carries, and what JSON's readers can tell apart.
TERM_LEAP = 2**32  # Nobody is behind by more in earnest: a leadership a second for two years.


class Role(Enum):
    """HTCondor's four states of a HAD."""

    PRE = "PRE"
    PASSIVE = "PASSIVE"
    ELECTION = "ELECTION"
    LEADER = "LEADER"


class Arbitration(Enum):
    """What gives a winner the right to lead."""

    NONE = "none"
    MAJORITY = "majority"


class ControlleeState(Enum):
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOP_FAILED = "stop_failed"


class Cause(Enum):
    """Why a role changed: the label of metrics and the field of the history."""

    BOOT = "boot"
    COLD_START = "cold_start"  # No leader was ever heard in this life.
    SILENCE = "silence"  # Released by time: the leader's lease ran out.
    NOTICE = "notice"  # Released by proof: death notice.
    RESIGN = "resign"  # Released by proof: the leader resigned.
    HANDOVER = "handover"  # Planned by an operator.
    PRIMARY = "primary"  # The primary asked for its place.
    SHUTDOWN = "shutdown"
    UNFIT = "unfit"
    LOST_AUTHORITY = "lost_authority"
    SPLIT_BRAIN = "split_brain"
    LOST_ELECTION = "lost_election"
    FOLLOWS = "follows"  # A leader was heard.
    WON = "won"
    RESTART = "restart"  # No role changed: the controllee ended by itself or hung.


class Errand(Enum):
    """What takes time and is done by others: a command that the administrator named (the value says
    which), or what the replication daemon is asked for.
    """

    CHECK = "CHECK"  # The health probe of the controllee.
    PRE_START = "HAD_PRE_START"
    POST_START = "HAD_POST_START"
    PRE_STOP = "HAD_PRE_STOP"
    POST_STOP = "HAD_POST_STOP"
    ON_LEADER_CHANGE = "HAD_ON_LEADER_CHANGE"
    FENCE = "HAD_FENCE_COMMAND"
    PREPARE_STATE = "PREPARE_STATE"  # Have the newest state on the live files before a start.
    FLUSH_STATE = "FLUSH_STATE"  # Have all that the controllee wrote elsewhere before Resign.


OF_STATE = (Errand.PREPARE_STATE, Errand.FLUSH_STATE)  # Not commands: the replication daemon's.


class Outcome(Enum):
    """What became of an errand."""

    DONE = "done"
    FAILED = "failed"  # It said so, or took too long.
    UNKNOWN = "unknown"  # It could not be run, or nobody knows how it ended.


class Refusal(Enum):
    """Why a member grants nothing."""

    LEADER_ALIVE = "LEADER_ALIVE"
    HIGHER_PRIORITY = "HIGHER_PRIORITY"
    PROMISED = "PROMISED"
    OLD_TERM = "OLD_TERM"
    MUTE = "MUTE"
    BLANK = "BLANK"
    NO_STORE = "NO_STORE"
    NOT_A_MEMBER = "NOT_A_MEMBER"
    INCOMPATIBLE = "INCOMPATIBLE"


@dataclass(frozen=True, slots=True)
class Leadership:
    """One leadership; the pair is its name everywhere, so that two never share one."""

    term: Term
    leader: Name


@dataclass(frozen=True)
class Identity:
    """What must be equal among members, else they refuse each other with the reason."""

    pool: str
    members: tuple[Name, ...]  # HAD_LIST in force, highest priority first.
    witnesses: tuple[Name, ...]  # HAD_WITNESS_LIST in force: vote, never lead.
    arbitration: Arbitration
    controllee: str

    @cached_property
    def voters(self) -> tuple[Name, ...]:
        return self.members + self.witnesses


@dataclass(frozen=True)
class Rules:
    """The pool as one member is told to see it, and how fast. Lengths in milliseconds."""

    me: Name
    identity: Identity
    heartbeat_ms: Millis = Millis(500)
    lease_ms: Millis = Millis(3000)
    margin_ms: Millis = Millis(500)
    use_primary: bool = False
    preempt_delay_ms: Millis = Millis(0)
    restart_limit: int = 3
    restart_window_ms: Millis = Millis(300_000)
    unfit_cooldown_ms: Millis = Millis(360_000)
    errands: tuple[Errand, ...] = ()  # Those for which a command is configured.
    check_interval_ms: Millis = Millis(10_000)
    check_failures: int = 3  # In a row.
    check_digest: str = ""  # Of the probe's command: whether another one is meant.
    start_grace_ms: Millis = Millis(30_000)  # Until the first success, failed probes do not count.
    replicates: bool = False  # A replication daemon beside each member keeps the state there.
    max_lag_ms: Millis = Millis(300_000)  # A copy that is older is no good to hand over to.

    # Fixed by the protocol (design section 3); in one place so that no number hides elsewhere.
    round_ms: Millis = Millis(500)  # One election round: what an objection or a silent voter costs.
    stagger_ms: Millis = Millis(150)  # The k-th survivor in priority waits k times this.
    probe_gap_ms: Millis = Millis(50)  # Between two of the probes sent to a silent leader.
    probe_count: int = 3
    successor_ms: Millis = Millis(300)  # How long the others leave a named successor alone.
    stall_ms: Millis = Millis(50)  # Woken later than this: we were not scheduled.
    refused_ms: Millis = Millis(15_000)  # How long a refusal stands: it is tried anew every 5 s.

    @cached_property
    def voters(self) -> tuple[Name, ...]:
        return self.identity.voters

    @cached_property
    def peers(self) -> tuple[Name, ...]:
        return tuple(name for name in self.voters if name != self.me)

    @cached_property
    def majority(self) -> int:
        return len(self.voters) // 2 + 1

    @cached_property
    def witness(self) -> bool:
        return self.me in self.identity.witnesses

    @cached_property
    def primary(self) -> Name | None:
        return self.identity.members[0] if self.use_primary else None

    @cached_property
    def report_ms(self) -> Millis:
        """How often members that do not lead tell each other that they are there."""
        return Millis(max(self.heartbeat_ms, self.lease_ms // 3))

    def position(self, name: Name) -> int:
        return self.voters.index(name)

    def priority(self, name: Name) -> int | None:
        """HTCondor's HadSelfID: N-1 for the first entry; None for a witness."""
        members = self.identity.members
        return len(members) - 1 - members.index(name) if name in members else None


def promise_length(lease_ms: Millis) -> Millis:
    """How long a voter keeps silent for a leader's lease: 1 % (at least 20 ms) more, for drift."""
    return Millis(lease_ms + max(20, -(-lease_ms // 100)))


def next_term(above: Term, position: int) -> Term:
    """The lowest term above `above` that only the member at `position` may take."""
    block = above // TERM_STRIDE
    candidate = block * TERM_STRIDE + position
    return Term(candidate if candidate > above else candidate + TERM_STRIDE)
