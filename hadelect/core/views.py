"""What a member can read off its state: whom it reaches, who is fit, who is next, why it waits.

Law: nothing here changes anything; every question has one answer, given in one place.
"""

from collections.abc import Iterator

from hadelect.core.copies import copy_now
from hadelect.core.messages import Standing
from hadelect.core.reasons import Reason, Topic, hindrance
from hadelect.core.render import because
from hadelect.core.state import PeerView, Promise, State
from hadelect.core.terms import believed, credible, known_term
from hadelect.core.vocabulary import (
    MAX_TERM,
    Arbitration,
    ControlleeState,
    Leadership,
    Millis,
    Name,
    Role,
    Rules,
    Term,
    next_term,
)


def reaches(rules: Rules, peer: PeerView, now: Millis) -> bool:
    """To reach a peer = to have had a message of it within one lease."""
    return not (peer.gone or peer.refused_because) and now - peer.heard_at < rules.lease_ms


def reached(rules: Rules, state: State, now: Millis) -> tuple[Name, ...]:
    return tuple([peer.name for peer in state.peers if reaches(rules, peer, now)])


def leader_lives(state: State, now: Millis) -> bool:
    """As far as this member knows: a leader it follows, heard within its patience."""
    if state.leader is None or now >= state.patience_until:
        return False
    return not over(state, state.term, state.leader)


def over(state: State, term: Term, leader: Name) -> bool:
    """Whether that leadership is proven over."""
    return bool(state.released) and Leadership(term, leader) in state.released


def active_promise(state: State, now: Millis) -> Promise | None:
    promise = state.promise
    if promise is None or now >= promise.until:
        return None
    return None if over(state, promise.term, promise.leader) else promise


def next_own_term(rules: Rules, state: State, now: Millis) -> Term:
    """Above all that this member knows or believes of those it hears; who has lost its record
    counts whomever it learned from, heard or not.
    """
    told = (
        peer.standing.known_term
        for peer in state.peers
        if peer.standing and (state.forgetful or reaches(rules, peer, now))
    )
    return next_term(believed(state, known_term(state), *told), rules.position(rules.me))


def unfit_because(rules: Rules, state: State) -> str:
    """Why this member should not lead; empty = fit."""
    if rules.witness:
        return "a witness never leads"
    fitness = state.fitness
    if fitness.leftover or fitness.store or fitness.controllee or fitness.state:
        return fitness.leftover or fitness.store or fitness.controllee or fitness.state
    if state.controllee.state is ControlleeState.STOP_FAILED:
        return "stop_failed: its controllee cannot be killed"
    if state.role is Role.PRE:
        return "not ready yet"
    if state.role is not Role.LEADER and not state.secret_hash:
        return "the supervisor is not ready"
    if state.role is Role.LEADER:
        return ""
    if state.replica is not None and state.replica.problem:
        return state.replica.problem
    return refused_by(rules, state)


def refused_by(rules: Rules, state: State) -> str:
    """Mode none asks every member it reaches: one that is there and incompatible refuses.

    In mode majority its vote is missing, which is enough.
    """
    if rules.identity.arbitration is Arbitration.MAJORITY:
        return ""
    there = (
        f"{peer.name}: {peer.refused_because}"
        for peer in state.peers
        if peer.refused_because and state.now - peer.refused_at < rules.refused_ms
    )
    return next(there, "")


def obstacle(rules: Rules, state: State, now: Millis) -> str:
    """Why this member does not stand for leader at this moment; empty = it may."""
    first = next(obstacles(rules, state, now), None)
    return because(first) if first else ""


def obstacles(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    """All of it, the gravest first."""
    if unfit := unfit_because(rules, state):
        yield hindrance(Topic.UNFIT, because=unfit, **cooldown(state, now))
    if state.record.drained:
        yield hindrance(Topic.DRAINED)
    if state.ending:
        yield hindrance(Topic.ENDING)
    if state.controllee.state is not ControlleeState.STOPPED:
        yield hindrance(Topic.OWN_TREE)
    if now < state.mute_until:
        yield hindrance(Topic.MUTE, left_seconds=seconds(state.mute_until - now))
    if state.role is not Role.ELECTION and state.durable < state.promise_serial:
        yield hindrance(Topic.DISK_BEHIND)
    promise = active_promise(state, now)
    if promise and promise.leader != rules.me:
        left = seconds(promise.until - now)
        to, term = promise.leader, promise.term
        yield hindrance(Topic.PROMISED, leader=to, term=term, left_seconds=left)
    if not has_learned(rules, state, now):
        yield hindrance(Topic.TERMS_UNKNOWN)
    if next_own_term(rules, state, now) > MAX_TERM:
        yield hindrance(Topic.TERMS_SPENT, term=known_term(state))
    if unheard := unheard_at_start(rules, state, now):
        left = seconds(state.started_at + longest_lease(rules, state) - now)
        yield hindrance(Topic.JUST_STARTED, unheard=unheard, left_seconds=left)


def cooldown(state: State, now: Millis) -> dict[str, float]:
    """How much longer an unfit member stays away, if time alone makes it fit again."""
    until = state.fitness.until
    return {} if until is None else {"left_seconds": seconds(until - now)}


def seconds(length_ms: int) -> float:
    return max(0, length_ms) / 1000


def unheard_at_start(rules: Rules, state: State, now: Millis) -> str:
    """Mode none asks all it reaches: in the first lease of a life that means nothing yet, nor in
    the one after it was not scheduled for a lease or longer.

    The names of those not heard since; empty = it does not matter.
    """
    if rules.identity.arbitration is Arbitration.MAJORITY:
        return ""
    began = now if sleeps(rules, state, now) else state.started_at
    if now >= began + longest_lease(rules, state):
        return ""
    return ", ".join(p.name for p in state.peers if p.standing is None or p.heard_at < began)


def sleeps(rules: Rules, state: State, now: Millis) -> bool:
    """What it hears now waited while it was not scheduled; the Tick that says so is yet to come."""
    return state.role is not Role.LEADER and now - state.report_due >= rules.lease_ms


def longest_lease(rules: Rules, state: State) -> Millis:
    """As far as it knows a leader that it does not hear may go on for so long; leases differ while
    a change of them is rolled out.
    """
    return max(rules.lease_ms, state.record.longest_lease_ms)


def has_learned(rules: Rules, state: State, now: Millis) -> bool:
    """A member without a record votes only once it knows the terms of enough others.

    Mode majority: of a majority of the others; or, so that a new pool can start with a member
    down, of as many as make a majority with it if none of them ever knew a leadership.
    """
    if not state.forgetful:
        return True
    standings = [peer.standing for peer in state.peers if peer.standing]
    told = [standing for standing in standings if credible(state, standing.known_term)]
    if rules.identity.arbitration is Arbitration.NONE:
        return all(peer.standing for peer in state.peers if reaches(rules, peer, now))
    if len(told) >= len(state.peers) // 2 + 1:
        return True
    return len(told) >= rules.majority - 1 and all(standing.blank for standing in told)


def is_candidate_peer(rules: Rules, peer: PeerView, now: Millis) -> bool:
    """A peer that could lead: reached, fit, not drained, not starting."""
    standing = peer.standing
    if standing is None or not reaches(rules, peer, now):
        return False
    if peer.name not in rules.identity.members or standing.role is Role.PRE:
        return False
    return standing.fit and not standing.drained


def leads(rules: Rules, peer: PeerView, now: Millis) -> bool:
    """A peer that is reached and says that it leads."""
    says = peer.standing is not None and peer.standing.role is Role.LEADER
    return says and reaches(rules, peer, now)


def turn(rules: Rules, state: State, gone: Name | None, now: Millis) -> int:
    """k: how many more senior survivors could lead; 0 = it is ours to stand first."""
    mine = rules.position(rules.me)
    return sum(
        rules.position(peer.name) < mine and peer.name != gone
        for peer in state.peers
        if is_candidate_peer(rules, peer, now)
    )


def candidates(rules: Rules, state: State, now: Millis) -> Iterator[PeerView]:
    """The peers that could lead."""
    return (peer for peer in state.peers if is_candidate_peer(rules, peer, now))


def best_successor(rules: Rules, state: State, now: Millis) -> Name | None:
    """The most senior peer that could lead."""
    fit = (peer.name for peer in candidates(rules, state, now))
    return min(fit, key=rules.position, default=None)


def outranks(rules: Rules, one: Leadership, other: Leadership) -> bool:
    """Which of two leaders stays: the higher priority.

    Equal priorities are a configuration error: then the lower term, then the larger name, stops.
    """
    own, others = rules.priority(one.leader), rules.priority(other.leader)
    if own != others:
        return (own if own is not None else -1) > (others if others is not None else -1)
    if one.term != other.term:
        return one.term > other.term
    return one.leader < other.leader


def standing_of(rules: Rules, state: State, now: Millis) -> Standing:
    """What this member says of itself."""
    unfit = unfit_because(rules, state)
    leads = state.role is Role.LEADER
    live = leads or leader_lives(state, now)
    return Standing(
        role=state.role,
        term=state.term,
        leader=state.leader if live else None,
        leader_heard_ms=Millis(0 if leads or not live else max(0, now - state.heard_at)),
        known_term=known_term(state),
        blank=state.record.led == 0 and state.term == 0,
        mute=now < state.mute_until,
        fit=not unfit,
        unfit_because=unfit,
        drained=state.record.drained,
        hears=reached(rules, state, now),
        controllee=state.controllee,
        replica=copy_now(state, now),
    )
