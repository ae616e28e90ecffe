"""What a leader does: Alive, authority, rivals.

1. Mode majority: authority comes from the Alives that a majority (ourselves included) acked. Mode
   none: from the last Alive sent, so that a frozen daemon loses its controllee there, too.
2. Every gain of authority moves the deadline of the tree (see authority.py).
3. A leader checks its authority before it handles anything else (election.step does that).
4. Mode none: a leader that learns of a higher term, led or not, goes on in a new one above it, so
   that the token never goes back; the controllee is not touched.
5. Two leaders, mode none: the higher priority stays, unless the other cannot hear it. Mode
   majority: the later term stays; the earlier one has lost its authority already.
"""

from hadelect.core import state_gate
from hadelect.core.authority import beating, majority_authority, with_ack, with_authority
from hadelect.core.effects import Effect, Emit, Persist, Retitle, Send
from hadelect.core.events import Persisted
from hadelect.core.frozen import replace
from hadelect.core.messages import Alive, AliveAck, Leader, Standing
from hadelect.core.promises import with_known
from hadelect.core.roles import become
from hadelect.core.state import Candidacy, Decision, Leading, State
from hadelect.core.terms import credible
from hadelect.core.views import next_own_term, outranks, reaches, standing_of
from hadelect.core.vocabulary import (
    MAX_TERM,
    Arbitration,
    Cause,
    ControlleeState,
    Leadership,
    Millis,
    Name,
    Role,
    Rules,
    Term,
)


def lead(rules: Rules, state: State, candidacy: Candidacy) -> Decision:
    """The votes are in: start the controllee, tell all."""
    until = Millis(candidacy.since + candidacy.lease_ms)
    leading = Leading(
        authority_until=until,
        alive_due=state.now,
        secret_hash=state.secret_hash,
        cause=candidacy.cause,
        acked=tuple((name, until) for name in candidacy.grants if name != rules.me),
        longest_ms=candidacy.lease_ms,
        beat_ms=rules.heartbeat_ms,
        margin_ms=rules.margin_ms,
        deadline=Millis(until - rules.margin_ms),
    )
    led = replace(
        state,
        leading=leading,
        term=candidacy.term,
        leader=rules.me,
        record=replace(state.record, led=candidacy.term),
        controllee=replace(state.controllee, state=ControlleeState.STARTING, restarts=0, pid=0),
        objected=False,
    )
    led = with_known(led, Leadership(led.term, rules.me), leading.secret_hash)
    voters = ", ".join(name for name in rules.voters if name in candidacy.grants)
    why = (candidacy.cause, f"votes of {voters}; {candidacy.because}")
    started = state_gate.start(rules, led, candidacy.cause, gone_leader(candidacy))
    word = Leader(led.term, rules.lease_ms, leading.secret_hash)
    said = tuple(Send(peer, word) for peer in rules.peers)
    won = become(rules, started.state, Role.LEADER, why, *started.effects, *said)
    return won.then(lambda s: say_alive(rules, s))


def gone_leader(candidacy: Candidacy) -> Name | None:
    """Whose place it takes."""
    if candidacy.proof:
        return candidacy.proof.leader
    return candidacy.silent.leader if candidacy.silent else None


def say_alive(rules: Rules, state: State) -> Decision:
    leading = state.leading
    assert leading is not None
    word = alive(rules, state, leading)
    state = replace(state, leading=beating(rules, leading, state.now))
    said = Decision(state, tuple(Send(peer, word) for peer in rules.peers))
    if rules.identity.arbitration is Arbitration.NONE or not rules.peers:
        return said.then(lambda s: with_authority(rules, s, Millis(s.now + rules.lease_ms)))
    return said


def alive(rules: Rules, state: State, leading: Leading) -> Alive:
    standing = standing_of(rules, state, state.now)
    return Alive(state.term, state.now, rules.lease_ms, leading.secret_hash, standing)


def greet(rules: Rules, state: State, newcomer: Name) -> Decision:
    """Who has come need not wait for our next Alive: with a heartbeat that is longer than its own
    lease (a rolling reload) it would have stood in mode none before it heard of us.
    """
    leading = state.leading
    if leading is None or leading.alive_due - state.now <= rules.round_ms:
        return Decision(state)
    return Decision(state, (Send(newcomer, alive(rules, state, leading)),))


def on_alive_ack(rules: Rules, state: State, sender: Name, ack: AliveAck) -> Decision:
    leading = state.leading
    if leading is None:
        return Decision(state)
    standing = ack.standing
    if standing.leader != rules.me:
        return Decision(state)  # `meet_rival` has looked at whom it follows instead.
    if ack.sent_at > state.now or standing.term > state.term:
        return Decision(state)
    leading = with_ack(rules, leading, sender, ack)
    state = replace(state, leading=leading)
    if rules.identity.arbitration is Arbitration.NONE:
        return outgrow(rules, state, standing)
    return with_authority(rules, state, majority_authority(rules, leading))


def known_term_of(state: State) -> Term:
    """The term we lead, or are about to lead."""
    retitling = state.leading.retitling if state.leading else None
    return retitling[0] if retitling else state.term


# --- rivals ---


def meet_rival(rules: Rules, state: State, told_by: Name, standing: Standing) -> Decision:
    """A member's standing names another leader than us: resolve it. Only a leader asks."""
    if state.leading is None or standing.leader == rules.me:
        return Decision(state)
    if standing.leader is None:
        return outgrow(rules, state, standing)
    rival = Leadership(standing.term, standing.leader)
    if rival in state.released or standing.leader_heard_ms >= 2 * rules.heartbeat_ms:
        return Decision(state)
    if disowned(rules, state, rival) or not (
        told_by == rival.leader or credible(state, rival.term)
    ):
        return Decision(state)
    if rules.identity.arbitration is Arbitration.MAJORITY:
        if rival.term <= state.term:
            return Decision(state)
        return yield_to(rules, state, rival, told_by)
    if not outranks(rules, Leadership(state.term, rules.me), rival):
        return yield_to(rules, state, rival, told_by)
    if told_by != rival.leader:
        return Decision(state)  # We stay; the rival will hear of us, too.
    return stay(rules, state, rival, deaf=rules.me not in standing.hears)


def disowned(rules: Rules, state: State, rival: Leadership) -> bool:
    """The rival itself is reached and says that it follows a later leadership: what a third member
    says of it was held up on its way.
    """
    if rival.leader not in rules.peers:
        return False
    view = state.peer(rival.leader)
    says = view.standing
    return says is not None and says.term > rival.term and reaches(rules, view, state.now)


def outgrow(rules: Rules, state: State, standing: Standing) -> Decision:
    """Mode none: one that follows nobody knows a higher term. To it ours may be over: a leader that
    has lost its memory takes numbers that it has had before.
    """
    if rules.identity.arbitration is Arbitration.MAJORITY:
        return Decision(state)
    if standing.known_term <= known_term_of(state) or not credible(state, standing.known_term):
        return Decision(state)
    return take_higher_term(rules, state)


def yield_to(rules: Rules, state: State, rival: Leadership, told_by: Name) -> Decision:
    by = "" if told_by == rival.leader else f", says {told_by}"
    because = f"{rival.leader} leads term {rival.term}{by}: our controllee dies, then we follow"
    return become(rules, state, Role.PASSIVE, (Cause.SPLIT_BRAIN, because))


def stay(rules: Rules, state: State, rival: Leadership, *, deaf: bool) -> Decision:
    """Mode none, the higher priority: go on in a term above both; but yield to one that is deaf."""
    leading = state.leading
    assert leading is not None
    new = leading.rival_since is None or state.now - leading.rival_at > rules.lease_ms
    since = state.now if new else leading.rival_since
    state = replace(state, leading=replace(leading, rival_since=since, rival_at=state.now))
    if deaf and since is not None and state.now - since > 2 * rules.lease_ms:
        because = f"{rival.leader} leads and cannot hear us, we hear it: we yield"
        return become(rules, state, Role.PASSIVE, (Cause.SPLIT_BRAIN, because))
    told: tuple[Effect, ...] = ()
    if new:
        words = f"{rival.leader} leads term {rival.term}, too; we are senior and stay"
        told = (Emit(state.role, state.term, words, Cause.SPLIT_BRAIN, state.role, warning=True),)
    if rival.term < state.term:
        return Decision(state, told)
    return Decision(state, told).then(lambda s: take_higher_term(rules, s))


def take_higher_term(rules: Rules, state: State) -> Decision:
    """A new term above all we know, without touching the controllee; led once it is durable."""
    leading = state.leading
    if leading is None or leading.retitling is not None:
        return Decision(state)
    term = next_own_term(rules, state, state.now)
    if term > MAX_TERM:
        return Decision(state)  # It leads on in its own, while it lives.
    record = replace(
        state.record, term=term, vote=rules.me, promised_term=term, promised_to=rules.me
    )
    state = state.with_record(record)
    leading = replace(leading, retitling=(term, state.record.serial))
    return Decision(replace(state, leading=leading), (Persist(state.record),))


def on_term_durable(rules: Rules, state: State, written: Persisted) -> Decision:
    leading = state.leading
    if leading is None or leading.retitling is None or written.serial < leading.retitling[1]:
        return Decision(state)
    old, new = state.term, leading.retitling[0]
    state = replace(
        state,
        term=new,
        leading=replace(leading, retitling=None),
        record=replace(state.record, led=new),
    )
    state = with_known(state, Leadership(new, rules.me), leading.secret_hash)
    words = f"leads on as term {new}: above another leader's; the controllee is not touched"
    told = Emit(state.role, new, words)
    return Decision(state, (Retitle(old, Term(new)), told)).then(lambda s: say_alive(rules, s))
