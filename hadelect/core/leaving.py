"""How a leadership ends on purpose, and what follows from any proven end.

1. The leader sends Alive until its tree is verified dead, HAD_POST_STOP is over and its last state
   is elsewhere (or could not be had there in time); then Resign, with the secret, to *all*.
2. The successor stands at once; the others leave it `successor_ms`, then stand by priority.
3. Before the stop a handover may be refused; after Resign the old leader needs a new term.
4. A clean stop writes down what is still promised; after that record nothing is promised any more.
"""

from hadelect.core import hooks, state_gate
from hadelect.core.candidacy import plan, take_turn
from hadelect.core.copies import said_by
from hadelect.core.effects import Answer, Effect, Emit, Persist, Quit, Send
from hadelect.core.events import Drain, Handover, Released, Shutdown
from hadelect.core.frozen import replace
from hadelect.core.messages import AskHandover, Goodbye, Proof, Resign
from hadelect.core.promises import proves, with_release
from hadelect.core.render import happening
from hadelect.core.roles import become, to_passive
from hadelect.core.state import Candidacy, Decision, Leaving, Phase, State
from hadelect.core.views import active_promise, best_successor, is_candidate_peer
from hadelect.core.vocabulary import (
    NO_TERM,
    Cause,
    ControlleeState,
    Errand,
    Leadership,
    Millis,
    Name,
    Role,
    Rules,
)

# --- the leader's side ---


def leave(rules: Rules, state: State, leaving: Leaving) -> Decision:
    """Begin to leave: the tree is asked to end, Alive goes on until it has."""
    if state.leading is None or state.leaving is not None:
        return Decision(state)
    state, unprepared = state_gate.dropped(replace(state, leaving=leaving, restart_at=None))
    to = f", in favour of {leaving.successor}" if leaving.successor else ""
    told = Emit(state.role, state.term, f"stops its controllee{to}: {leaving.because}")
    return Decision(state, (*unprepared, told)).then(lambda s: hooks.stop(rules, s))


def closed(rules: Rules, state: State, secret: str) -> Decision:
    """Our tree is verified dead."""
    leaving = state.leaving
    assert leaving is not None
    state = replace(state, leaving=replace(leaving, secret=secret))
    undone = hooks.undo(rules, state, leaving.cause, leaving.successor)
    return undone.then(lambda s: farewell(rules, s))


def farewell(rules: Rules, state: State) -> Decision:
    """HAD_POST_STOP, then the last copy of the state, then the last word: what comes next."""
    left, leading = state.leaving, state.leading
    if left is None or leading is None or not leading.closed:
        return Decision(state)
    if hooks.is_pending(state, Errand.POST_STOP) or state.gate.run is not None:
        return Decision(state)
    if state_gate.owes_flush(state, leading):
        return state_gate.flush(rules, state, left)
    return resign(rules, state, left.secret)


def resign(rules: Rules, state: State, secret: str) -> Decision:
    """The tree is dead (or an operator forces it): free the voters."""
    leaving = state.leaving
    assert leaving is not None
    proof = Proof(state.term, rules.me, secret)
    word = Resign(proof, leaving.successor, leaving.because)
    sends: tuple[Effect, ...] = tuple(Send(peer, word) for peer in rules.peers)
    if leaving.command:
        to = leaving.successor or "whoever is fit"
        text = f"resigned from term {state.term} in favour of {to}"
        sends += (Answer(leaving.command, ok=True, text=text),)
    # Its objection is spent: a successor that must ask (no secret) is not bullied by its senior.
    state = replace(with_release(state, proof), leaving=None, objected=True)
    return become(rules, state, Role.PASSIVE, (leaving.cause, leaving.because), *sends)


def on_ask_handover(rules: Rules, state: State, sender: Name, asked: AskHandover) -> Decision:
    """The primary asks for its place: hand over if it may have it."""
    if state.leading is None or state.leaving or sender != rules.primary:
        return Decision(state)
    view = state.peer(sender)
    if asked.term != state.term or not is_candidate_peer(rules, view, state.now):
        return Decision(state)
    if state_gate.too_old(rules, state, said_by(view)):
        return Decision(state)
    return leave(rules, state, Leaving(sender, Cause.PRIMARY, asked.because))


# --- operators ---


def on_handover(rules: Rules, state: State, asked: Handover) -> Decision:
    refusal = handover_refusal(rules, state, asked)
    successor = asked.to or state_gate.successor(rules, state)
    if refusal:
        return Decision(state, (Answer(asked.id, ok=False, text=refusal),))
    if asked.dry_run:
        text = f"would move from {rules.me} to {successor or 'whoever is fit'}"
        return Decision(state, (Answer(asked.id, ok=True, text=text),))
    leaving = Leaving(successor, Cause.HANDOVER, asked.because, asked.id)
    if state.controllee.state is not ControlleeState.STOP_FAILED:
        return leave(rules, state, leaving)
    return resign(
        rules, replace(state, leaving=leaving), ""
    )  # Forced: the operator answers for it.


def handover_refusal(rules: Rules, state: State, asked: Handover) -> str:
    """Why this handover does not begin; empty = it may."""
    if state.leading is None:
        return f"{rules.me} does not lead; ask {state.leader or 'the leader, once there is one'}"
    if asked.to == rules.me:
        return f"{rules.me} leads already"
    if rules.primary == rules.me and not asked.force:
        return f"{rules.me} is the primary and would take its place back at once; drain it instead"
    if asked.to and asked.to not in rules.identity.members:
        return f"{asked.to} is not in HAD_LIST ({', '.join(rules.identity.members)})"
    stuck = state.controllee.state is ControlleeState.STOP_FAILED
    if stuck and not asked.force:
        return "the controllee cannot be killed (stop_failed); --force --reason moves all the same"
    if state.leaving and not (asked.force and stuck):
        return f"it is leaving already: {state.leaving.because}"
    if asked.to and not is_candidate_peer(rules, state.peer(asked.to), state.now):
        return unfit_peer(rules, state, asked.to)
    if not asked.to and not asked.force and best_successor(rules, state, state.now) is None:
        return "no other member is reachable, fit and not drained"
    to = asked.to or state_gate.successor(rules, state)
    return "" if asked.force else state_gate.handover_refusal(rules, state, to)


def unfit_peer(rules: Rules, state: State, name: Name) -> str:
    view = state.peer(name)
    if view.standing is None or state.now - view.heard_at >= rules.lease_ms:
        return f"{name} is not reachable"
    if view.standing.drained:
        return f"{name} is drained; undrain it first"
    return f"{name} is not fit: {view.standing.unfit_because or 'it is starting'}"


def on_drain(rules: Rules, state: State, asked: Drain) -> Decision:
    """Durable; a leader hands over first, and is refused when nobody could take over."""
    if state.leading and asked.drained and not asked.force:
        successor = state_gate.successor(rules, state)
        text = "it leads and no other member is fit; --force leaves the pool without a leader"
        if successor is not None:
            text = state_gate.handover_refusal(rules, state, successor)
        if text:
            return Decision(state, (Answer(asked.id, ok=False, text=text),))
    state = state.with_record(replace(state.record, drained=asked.drained))
    state = replace(state, report_due=state.now)
    written = Decision(state, (Persist(state.record),))
    word = "drained" if asked.drained else "undrained"
    told = Emit(state.role, state.term, f"{word} by an operator: {asked.because}")
    if state.leading and asked.drained and state.leaving is None:
        successor = state_gate.successor(rules, state)
        leaving = Leaving(successor, Cause.HANDOVER, f"drained: {asked.because}", asked.id)
        return written.plus(told).then(lambda s: leave(rules, s, leaving))
    done = written.plus(told, Answer(asked.id, ok=True, text=f"{rules.me} is {word}"))
    if state.role is not Role.ELECTION or not asked.drained:
        return done
    return done.then(lambda s: to_passive(rules, s, (Cause.LOST_ELECTION, "drained")))


def on_shutdown(rules: Rules, state: State, asked: Shutdown) -> Decision:
    state = replace(state, ending=True)
    if state.leading:
        successor = state_gate.successor(rules, state)
        return leave(rules, state, Leaving(successor, Cause.SHUTDOWN, asked.because))
    return to_passive(rules, state, (Cause.SHUTDOWN, asked.because))


def write_last(rules: Rules, state: State) -> Decision:
    """The clean record: what is still promised, until when. Nothing is promised after it."""
    promise = active_promise(state, state.now)
    record = replace(
        state.record,
        clean=True,
        promised_term=promise.term if promise else NO_TERM,
        promised_to=promise.leader if promise else None,
        promised_until=promise.until if promise else Millis(0),
        mute_until=Millis(max(0, state.mute_until)),
    )
    state = state.with_record(record)
    state = replace(state, quit_serial=state.record.serial)
    bye = tuple(Send(peer, Goodbye("clean stop")) for peer in rules.peers)
    return Decision(state, (*bye, Persist(state.record)))


def quit_now(state: State, serial: int, because: str) -> Decision:
    if serial < state.quit_serial:
        return Decision(state)
    told: tuple[Effect, ...] = ()
    if because:
        words = f"the last record was not written ({because}): mute or silent after the restart"
        told = (Emit(state.role, state.term, words, warning=True),)
    return Decision(state, (*told, Quit(0)))


# --- the others' side ---


def on_resign(rules: Rules, state: State, sender: Name, word: Resign) -> Decision:
    """The direct word of the leader counts; a third member's only with the secret."""
    proof = word.proof
    if proof.leader != sender and not proves(state, proof):
        return Decision(state)
    state = replace(state, hooks=replace(state.hooks, farewell=proof.leader))
    because = f"{proof.leader} resigned from term {proof.term}: {word.because}"
    cause = Cause.HANDOVER if word.successor == rules.me else Cause.RESIGN
    candidacy = released_candidacy(cause, because, proof)
    if word.successor == rules.me:
        return on_release(rules, state, candidacy, proof, Millis(0))
    delay = rules.successor_ms if word.successor else Millis(0)
    return on_release(rules, state, candidacy, proof, delay)


def on_notice(rules: Rules, state: State, notice: Released) -> Decision:
    """A death notice: only the secret counts, whoever sent it."""
    proof = notice.proof
    if not proves(state, proof) or Leadership(proof.term, proof.leader) in state.released:
        return Decision(state)
    because = happening(notice)
    if proof.leader in rules.peers:
        gone = replace(state.peer(proof.leader), gone=True)
        state = state.with_peer(gone)
    candidacy = released_candidacy(Cause.NOTICE, because, proof)
    return on_release(rules, state, candidacy, proof, Millis(0))


def released_candidacy(cause: Cause, because: str, proof: Proof) -> Candidacy:
    """With the secret at hand the voters can be freed at once: no pre-vote."""
    if proof.secret:
        return Candidacy(Phase.VOTE, cause, because, proof=proof)
    return Candidacy(Phase.PREVOTE, cause, because, Leadership(proof.term, proof.leader))


def on_release(
    rules: Rules, state: State, candidacy: Candidacy, proof: Proof, delay: Millis
) -> Decision:
    """That leadership is over: the most senior fit survivor stands at once."""
    ours = state.promise is not None and state.promise.leader == proof.leader
    state = with_release(state, proof)
    freed = ours and state.promise is None
    followed = state.leader and Leadership(state.term, state.leader) in state.released
    if state.role is Role.LEADER or not (freed or followed):
        return Decision(state)
    # Who leaves a named successor alone does not object to it either.
    state = replace(state, leader=None, objected=delay > 0)
    passive = to_passive(rules, state, (candidacy.cause, candidacy.because))
    state = plan(rules, passive.state, candidacy, delay)
    if candidacy.cause is Cause.HANDOVER:
        state = replace(state, stand_at=state.now)
    planned = Decision(state, passive.effects)
    if state.role is not Role.PASSIVE or (state.stand_at or 0) > state.now:
        return planned
    return planned.then(lambda s: take_turn(rules, s))
