"""What stands behind a member's role, as values: `explain` makes them, `render.reason` says them.

Law: the names of topics and facts are a contract with users' scripts; they are only ever added.
"""

from dataclasses import dataclass
from enum import Enum

Fact = str | int | float | bool


class Topic(Enum):
    """What a reason is about: a stable key."""

    # What the member does.
    LEADS = "leads"
    FOLLOWS = "follows"
    FOLLOWS_HEARSAY = "follows_hearsay"
    STANDS = "stands"
    NO_LEADER = "no_leader"
    STARTING = "starting"
    HEARSAY = "hearsay"  # The member did not answer: this is what another one knows of it.
    NEVER_HEARD = "never_heard"
    # Why it does not stand: views.obstacles.
    UNFIT = "unfit"
    DRAINED = "drained"
    ENDING = "ending"
    OWN_TREE = "own_tree"
    MUTE = "mute"
    DISK_BEHIND = "disk_behind"
    PROMISED = "promised"
    TERMS_UNKNOWN = "terms_unknown"
    TERMS_SPENT = "terms_spent"
    JUST_STARTED = "just_started"
    # What it waits for.
    LEADER_LIVES = "leader_lives"
    PATIENCE_EXTENDED = "patience_extended"
    TURN = "turn"
    STANDS_AT = "stands_at"
    PROBES = "probes"
    FENCES = "fences"
    ASKS = "asks"
    ASKS_FOR_VOTES = "asks_for_votes"
    OWN_VOTE_UNWRITTEN = "own_vote_unwritten"
    GRANTS = "grants"
    REFUSAL = "refusal"
    MAJORITY_MISSING = "majority_missing"
    MAJORITY = "majority"
    ALL_REACHED = "all_reached"
    # Its peers.
    PEER_SILENT = "peer_silent"
    PEER_NEVER_HEARD = "peer_never_heard"
    PEER_GONE = "peer_gone"
    PEER_REFUSED = "peer_refused"
    PEER_HEARS_LEADER = "peer_hears_leader"
    PEER_COULD_NOT_LEAD = "peer_could_not_lead"
    TWO_LEADERS = "two_leaders"
    # A leader's own.
    AUTHORITY = "authority"
    ACKS = "acks"
    CONTROLLEE = "controllee"
    CONTROLLEE_ENDS = "controllee_ends"
    RESTARTS_AT = "restarts_at"
    STOP_FAILED = "stop_failed"
    LEAVING = "leaving"
    HIGHER_TERM = "higher_term"
    SUCCESSOR = "successor"
    NO_SUCCESSOR = "no_successor"
    # Replicated state.
    STATE = "state"
    STATE_NONE = "state_none"
    STATE_PROBLEM = "state_problem"
    STATE_AWAITED = "state_awaited"
    STATE_FLUSHED = "state_flushed"
    PEER_STATE_BEHIND = "peer_state_behind"
    # What the rules say.
    WITNESS = "witness"
    PRIORITY = "priority"
    PRIMARY_ASKS = "primary_asks"
    PRIMARY_SPARES = "primary_spares"  # Made the primary by a reload.
    PRIMARY_ELSEWHERE = "primary_elsewhere"
    NO_FAILBACK = "no_failback"
    WOULD_LEAD = "would_lead"
    WOULD_LEAD_THEN = "would_lead_then"


@dataclass(frozen=True)
class Reason:
    """One line of an explanation. `holds_back`: without it the member, or a failover, could go on.

    `facts` are what the words are made of; lengths of time end in `_seconds`.
    """

    topic: Topic
    facts: tuple[tuple[str, Fact], ...] = ()
    holds_back: bool = False


def reason(topic: Topic, **facts: Fact) -> Reason:
    return Reason(topic, tuple(facts.items()))


def hindrance(topic: Topic, **facts: Fact) -> Reason:
    return Reason(topic, tuple(facts.items()), holds_back=True)
