"""What a member does with the word of a leader: follow, ack, be patient.

1. Only an Alive (not a rumour) moves a promise; a rumour ("a third member hears the leader")
   only moves patience, and only while that member heard the leader itself.
2. An ack counts for the leader only if its standing names (term, leader): a member that has
   promised silence to somebody else answers, but its answer does not count.
3. Mode none, two live leaders heard: follow the higher priority. Mode majority: the later term.
"""

from hadelect.core.effects import Emit, Send
from hadelect.core.frozen import replace
from hadelect.core.messages import Alive, AliveAck, Leader, Report, Standing
from hadelect.core.promises import promise_to_leader, with_known
from hadelect.core.roles import to_passive
from hadelect.core.state import LONG_AGO, Decision, State
from hadelect.core.terms import credible
from hadelect.core.views import active_promise, leader_lives, outranks, over, standing_of
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    Leadership,
    Millis,
    Name,
    Role,
    Rules,
    Term,
)


def on_leader(state: State, sender: Name, word: Leader) -> Decision:
    """I am leader: what a proof of its end must match is known from now on."""
    return Decision(with_known(state, Leadership(word.term, sender), word.secret_hash))


def on_alive(rules: Rules, state: State, sender: Name, alive: Alive) -> Decision:
    theirs = Leadership(alive.term, sender)
    if theirs in state.released:
        return Decision(state)  # Its supervisor said that it is dead: an echo.
    state = with_known(state, theirs, alive.secret_hash)
    if state.role is Role.LEADER or not should_follow(rules, state, theirs):
        return Decision(state, (answer_only(rules, state, sender, alive),))
    return follow(rules, state, sender, alive)


def answer_only(rules: Rules, state: State, sender: Name, alive: Alive) -> Send:
    """An answer that no leader may count: it does not name the sender as the one we follow."""
    standing = standing_of(rules, state, state.now)
    if standing.leader == sender:
        standing = replace(standing, leader=None)
    return Send(sender, AliveAck(alive.term, alive.sent_at, Millis(0), standing))


def should_follow(rules: Rules, state: State, theirs: Leadership) -> bool:
    majority = rules.identity.arbitration is Arbitration.MAJORITY
    promise = active_promise(state, state.now)
    if promise and promise.leader != theirs.leader:
        if majority and promise.term > theirs.term:
            return False  # A later candidate may still count on our vote.
        if not majority and state.leader is None:
            return False
    if majority:
        return theirs.term >= state.term
    if state.leader in (None, theirs.leader):
        return True  # What a leader says of itself is the truth, also after it lost its memory.
    ours = Leadership(state.term, state.leader) if state.leader else theirs
    return not leader_lives(state, state.now) or outranks(rules, theirs, ours)


def follow(rules: Rules, state: State, sender: Name, alive: Alive) -> Decision:
    """Be patient for another lease and promise silence for it."""
    known = (state.leader, state.term) == (sender, alive.term)
    news = not known or state.now - state.heard_at >= max(rules.lease_ms, alive.lease_ms)
    state = replace(
        state,
        leader=sender,
        term=alive.term,
        lease_ms=alive.lease_ms,
        heard_at=state.now,
        patience_until=Millis(state.now + max(alive.lease_ms, rules.lease_ms)),
        stalled_ms=Millis(0),
        objected=False,
        wanted=None,
        stand_at=None,
    )
    because = f"{sender} leads term {alive.term}"
    followed = to_passive(rules, state, (Cause.FOLLOWS, because))
    if news and not followed.effects:
        followed = followed.plus(Emit(state.role, alive.term, because))
    if state.now < state.mute_until:
        # It may have voted for a later candidate and forgotten it: its ack must not count.
        return followed.plus(answer_only(rules, followed.state, sender, alive))
    return followed.then(lambda s: promise_and_ack(rules, s, sender, alive))


def promise_and_ack(rules: Rules, state: State, sender: Name, alive: Alive) -> Decision:
    standing = standing_of(rules, state, state.now)
    theirs = Leadership(alive.term, sender)

    def ack(lease_ms: Millis) -> Send:
        return Send(sender, AliveAck(alive.term, alive.sent_at, lease_ms, standing))

    promised = promise_to_leader(state, theirs, alive.lease_ms, alive.secret_hash, ack)
    if promised.effects:
        return promised
    return promised.plus(answer_only(rules, promised.state, sender, alive))


def hear_rumour(rules: Rules, state: State, standing: Standing) -> State:
    """A third member hears a leader itself: be patient as long as it would be."""
    leader = standing.leader
    if leader not in rules.peers or state.role in (Role.LEADER, Role.ELECTION):
        return state
    lease_ms = max(rules.lease_ms, state.lease_ms)
    patience = Millis(state.now - standing.leader_heard_ms + lease_ms)
    old = standing.term < state.term or over(state, standing.term, leader)
    if not credible(state, standing.term):
        return state
    if old or patience <= max(state.now, state.patience_until):
        return state
    if leader_lives(state, state.now) and state.leader != leader:
        return state  # We hear one ourselves; its own Alive will tell.
    return replace(
        state,
        leader=leader,
        term=Term(standing.term),
        heard_at=state.heard_at if state.leader == leader else LONG_AGO,
        patience_until=patience,
        wanted=None,
        stand_at=None,
    )


def pass_on(rules: Rules, state: State, standing: Standing) -> tuple[Send, ...]:
    """Mode none: tell the leader we follow that a third member hears one that outranks it.

    Two leaders at the ends of a longer chain hear of each other only so; news that is older than
    two heartbeats moves nobody.
    """
    if rules.identity.arbitration is Arbitration.MAJORITY or state.leader not in rules.peers:
        return ()
    if standing.leader not in rules.peers or standing.leader == state.leader:
        return ()
    assert state.leader is not None
    assert standing.leader is not None
    other = Leadership(standing.term, standing.leader)
    fresh = standing.leader_heard_ms < 2 * rules.heartbeat_ms and other not in state.released
    if not credible(state, other.term):
        return ()
    if not fresh or not outranks(rules, other, Leadership(state.term, state.leader)):
        return ()
    news = replace(
        standing_of(rules, state, state.now),
        leader=standing.leader,
        term=standing.term,
        leader_heard_ms=standing.leader_heard_ms,
    )
    return (Send(state.leader, Report(news)),)
