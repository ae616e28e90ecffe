"""Why a member is or is not leader, what holds a failover back, what would have to happen.

Law 1: every line is a fact of the state at this moment; nothing is guessed, nothing decided here.
Law 2: the first line says what the member does; then what holds back, then the rest, each the most
       important first.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from hadelect.core import explain_state
from hadelect.core.explain_peers import peer_details, peer_headline, peer_lines
from hadelect.core.reasons import Reason, Topic, hindrance, reason
from hadelect.core.render import CAUSES, REFUSALS, because
from hadelect.core.state import LONG_AGO, Candidacy, Leading, Phase, State
from hadelect.core.views import (
    best_successor,
    is_candidate_peer,
    leader_lives,
    leads,
    obstacles,
    reached,
    seconds,
)
from hadelect.core.vocabulary import Arbitration, ControlleeState, Millis, Name, Role, Rules


def explain(rules: Rules, state: State, now: Millis) -> tuple[Reason, ...]:
    """What this member knows of itself."""
    return arranged(headline(rules, state, now), details(rules, state, now))


def explain_peer(rules: Rules, state: State, name: Name, now: Millis) -> tuple[Reason, ...]:
    """What this member knows of a peer that cannot be asked. `name` must be a peer."""
    peer = state.peer(name)
    return arranged(peer_headline(rules, peer, now), peer_details(rules, state, peer, now))


def arranged(first: Reason, others: Iterable[Reason]) -> tuple[Reason, ...]:
    lines = list(others)
    holds_back = [line for line in lines if line.holds_back]
    return (first, *holds_back, *(line for line in lines if not line.holds_back))


def headline(rules: Rules, state: State, now: Millis) -> Reason:
    me = rules.me
    match state.role:
        case Role.LEADER:
            since = seconds(now - state.since)
            cause = CAUSES[state.leading.cause] if state.leading else ""
            return reason(Topic.LEADS, member=me, term=state.term, since_seconds=since, cause=cause)
        case Role.PRE:
            return reason(Topic.STARTING, member=me)
        case Role.ELECTION:
            why = state.candidacy.because if state.candidacy else ""
            return reason(Topic.STANDS, member=me, because=why)
        case Role.PASSIVE:
            return followed(rules, state, now)
    assert_never(state.role)


def followed(rules: Rules, state: State, now: Millis) -> Reason:
    if state.leader is None or not leader_lives(state, now):
        return reason(Topic.NO_LEADER, member=rules.me)
    named: dict[str, str | int] = {
        "member": rules.me,
        "leader": state.leader,
        "term": state.term,
    }
    if state.heard_at == LONG_AGO:
        return reason(Topic.FOLLOWS_HEARSAY, **named)
    return reason(Topic.FOLLOWS, **named, silence_seconds=seconds(now - state.heard_at))


def details(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    yield from two_leaders(rules, state, now)
    if state.leading is not None:
        yield from leader_lines(rules, state, state.leading, now)
        yield from successor_lines(rules, state, now)
    elif rules.witness:
        yield hindrance(Topic.WITNESS)
    else:
        held = tuple(obstacles(rules, state, now))
        yield from (line for line in held if not passes(state, line))
        yield from waiting(rules, state, now)
        yield from (line for line in held if passes(state, line))
        yield from voters_lines(rules, state, now)
        yield from what_would_help(rules, state, now)
    yield from peer_lines(rules, state, now)
    yield from explain_state.lines(rules, state)
    yield from standing_rules(rules, state)


def two_leaders(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    leaders = [peer.name for peer in state.peers if leads(rules, peer, now)]
    if state.role is Role.LEADER:
        leaders.append(rules.me)
    if len(leaders) > 1:
        members = ", ".join(sorted(leaders))
        yield hindrance(Topic.TWO_LEADERS, count=len(leaders), members=members)


# --- the leader ---


def leader_lines(rules: Rules, state: State, leading: Leading, now: Millis) -> Iterator[Reason]:
    name = rules.identity.controllee
    if state.controllee.state is ControlleeState.STOP_FAILED:
        yield hindrance(Topic.STOP_FAILED, name=name)
    if state.leaving:
        successor = state.leaving.successor or "whoever is fit"
        yield hindrance(Topic.LEAVING, successor=successor, because=state.leaving.because)
    controllee = state.controllee
    yield reason(
        Topic.CONTROLLEE,
        name=name,
        state=controllee.state.value,
        pid=controllee.pid,
        restarts=controllee.restarts,
    )
    if state.restart_at is not None:
        yield reason(Topic.RESTARTS_AT, name=name, left_seconds=seconds(state.restart_at - now))
    recent = [at for at in state.exits if now - at < rules.restart_window_ms]
    if recent:
        window = seconds(rules.restart_window_ms)
        limit = rules.restart_limit
        yield reason(
            Topic.CONTROLLEE_ENDS, name=name, count=len(recent), window_seconds=window, limit=limit
        )
    if leading.retitling is not None:
        yield reason(Topic.HIGHER_TERM, term=leading.retitling[0])
    yield from authority(rules, leading, now)


def authority(rules: Rules, leading: Leading, now: Millis) -> Iterator[Reason]:
    left = seconds(leading.authority_until - now)
    yield reason(Topic.AUTHORITY, margin_seconds=seconds(rules.margin_ms), left_seconds=left)
    if rules.identity.arbitration is Arbitration.NONE:
        return
    acked = [name for name, at in leading.acked if now - at < rules.lease_ms]
    members = ", ".join(acked) or "nobody"
    yield reason(Topic.ACKS, members=members, count=len(acked) + 1, needed=rules.majority)


def successor_lines(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    """What a failover would do, and what holds it back."""
    successor = best_successor(rules, state, now)
    up = len(reached(rules, state, now))  # Without this one: the survivors.
    short = rules.identity.arbitration is Arbitration.MAJORITY and up < rules.majority
    if successor is None or short:
        yield hindrance(Topic.NO_SUCCESSOR)
    else:
        yield reason(Topic.SUCCESSOR, successor=successor)
    if short:
        yield hindrance(
            Topic.MAJORITY_MISSING,
            count=up + 1,
            voters=len(rules.voters),
            needed=rules.majority,
        )


# --- a member that does not lead ---


def waiting(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    if state.role is Role.ELECTION and state.candidacy:
        yield from candidate_lines(rules, state, state.candidacy)
        return
    if state.leader is not None and leader_lives(state, now):
        left = seconds(state.patience_until - now)
        lease = seconds(max(state.lease_ms, rules.lease_ms))
        yield hindrance(
            Topic.LEADER_LIVES, leader=state.leader, lease_seconds=lease, left_seconds=left
        )
        if state.stalled_ms:
            yield reason(Topic.PATIENCE_EXTENDED, stall_seconds=seconds(state.stalled_ms))
    elif state.wanted is not None and state.stand_at is not None:
        left = seconds(state.stand_at - now)
        yield reason(Topic.STANDS_AT, because=state.wanted.because, left_seconds=left)
    if seniors := more_senior(rules, state, now):
        yield reason(Topic.TURN, members=", ".join(seniors))


def candidate_lines(rules: Rules, state: State, candidacy: Candidacy) -> Iterator[Reason]:
    match candidacy.phase:
        case Phase.PROBE:
            silent = candidacy.silent.leader if candidacy.silent else ""
            yield reason(Topic.PROBES, leader=silent, count=candidacy.probes, of=rules.probe_count)
            return
        case Phase.FENCE:
            silent = candidacy.silent.leader if candidacy.silent else ""
            yield hindrance(Topic.FENCES, leader=silent)
            return
        case Phase.PREVOTE:
            yield reason(Topic.ASKS)
        case Phase.VOTE:
            yield reason(Topic.ASKS_FOR_VOTES, term=candidacy.term)
            if rules.me not in candidacy.grants:
                yield hindrance(Topic.OWN_VOTE_UNWRITTEN)
        case _:
            assert_never(candidacy.phase)
    majority = rules.identity.arbitration is Arbitration.MAJORITY
    needed = rules.majority if majority else len(reached(rules, state, state.now)) + 1
    members = ", ".join(candidacy.grants) or "nobody"
    make = hindrance if len(candidacy.grants) < needed else reason
    yield make(Topic.GRANTS, count=len(candidacy.grants), needed=needed, members=members)
    for peer, refusal in candidacy.refusals:
        yield hindrance(Topic.REFUSAL, peer=peer, refusal=REFUSALS[refusal], code=refusal.value)


def more_senior(rules: Rules, state: State, now: Millis) -> list[Name]:
    """Those that could lead and come before this member in HAD_LIST; not the leader itself."""
    mine = rules.position(rules.me)
    return [
        peer.name
        for peer in state.peers
        if rules.position(peer.name) < mine
        and peer.name != state.leader
        and is_candidate_peer(rules, peer, now)
    ]


def voters_lines(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    """Could it win?"""
    up = reached(rules, state, now)
    if rules.identity.arbitration is Arbitration.NONE:
        yield reason(Topic.ALL_REACHED, members=", ".join(up) or "nobody")
        return
    count = len(up) + 1
    facts = {"count": count, "voters": len(rules.voters), "needed": rules.majority}
    if count < rules.majority:
        yield hindrance(Topic.MAJORITY_MISSING, **facts)
    else:
        yield reason(Topic.MAJORITY, **facts)


def what_would_help(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    over = [because(line) for line in obstacles(rules, state, now) if not passes(state, line)]
    if over:
        yield reason(Topic.WOULD_LEAD_THEN, because="; ".join(over))
    elif state.leader is not None and leader_lives(state, now):
        yield reason(Topic.WOULD_LEAD, leader=state.leader, member=rules.me)


def passes(state: State, obstacle: Reason) -> bool:
    """The promise to the leader that it follows: its silence, death or resignation ends that."""
    return obstacle.topic is Topic.PROMISED and dict(obstacle.facts)["leader"] == state.leader


# --- what the rules say ---


def standing_rules(rules: Rules, state: State) -> Iterator[Reason]:
    priority = rules.priority(rules.me)
    if priority is not None:
        entries = len(rules.identity.members)
        entry = entries - priority
        yield reason(Topic.PRIORITY, priority=priority, entry=entry, entries=entries)
    if state.role is Role.LEADER or state.leader is None:
        return
    if rules.primary == rules.me and state.ask_at is not None:
        left = seconds(state.ask_at - state.now)
        yield reason(Topic.PRIMARY_ASKS, leader=state.leader, left_seconds=left)
    elif rules.primary == rules.me and state.spares == state.leader:
        yield reason(Topic.PRIMARY_SPARES, leader=state.leader)
    elif rules.primary not in (None, rules.me, state.leader):
        yield reason(Topic.PRIMARY_ELSEWHERE, primary=str(rules.primary))
    elif rules.primary is None and priority is not None:
        theirs = rules.priority(state.leader)
        if theirs is not None and theirs < priority:
            yield reason(Topic.NO_FAILBACK, leader=state.leader)
