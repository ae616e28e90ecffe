"""What a member does with what it hears of its own controllee and its own disk.

1. The controllee is its tree; the supervisor says STOPPED only when it has verified its end.
2. A leader restarts it locally: at once the first time within a window, then with capped
   exponential backoff; after too many ends in a window, or an exec that fails, the member is unfit
   and leaves in favour of a fit one.
3. Where no tree can be raised any more nothing runs: the leader leaves at once, tries nothing.
4. A tree that cannot be killed keeps its leader leading (unfit), so that nobody starts beside it.
"""

from typing import assert_never

from hadelect.core import checking, hooks, state_gate
from hadelect.core.candidacy import give_up
from hadelect.core.effects import Emit, Persist, Send
from hadelect.core.events import ControlleeChanged, LeftoverStuck, PersistFailed, SupervisorReady
from hadelect.core.frozen import replace
from hadelect.core.leading import say_alive
from hadelect.core.leaving import closed, leave
from hadelect.core.messages import Controllee, Proof, Resign
from hadelect.core.promises import with_release
from hadelect.core.roles import become, to_passive
from hadelect.core.state import Check, Decision, Fitness, Leaving, Phase, State
from hadelect.core.vocabulary import (
    Cause,
    ControlleeState,
    Errand,
    Leadership,
    Millis,
    Role,
    Rules,
    Term,
)

RESTART_SECOND_MS = 250  # The first one is at once.
RESTART_LONGEST_MS = 30_000
RELAPSES_COUNTED = 6  # 2^6 cooldowns is the longest a relapsing member stays away.
STORE_RETRY_MS = 1_000


def on_supervisor_ready(rules: Rules, state: State, ready: SupervisorReady) -> Decision:
    fitness = replace(state.fitness, leftover="")
    state = replace(state, secret_hash=ready.secret_hash, fitness=fitness, report_due=state.now)
    if state.role is not Role.PRE:
        return Decision(state)
    why = (Cause.BOOT, "ready: nothing of an earlier life runs")
    passive = become(rules, state, Role.PASSIVE, why)
    # An earlier life may have ended without it.
    return passive.then(
        lambda s: hooks.ask(rules, s, Errand.POST_STOP, Cause.BOOT, (rules.me, None))
    )


def on_leftover(rules: Rules, state: State, stuck: LeftoverStuck) -> Decision:
    because = f"stop_failed: {stuck.because}"
    if state.fitness.leftover == because:
        return Decision(state)
    state = replace(state, fitness=replace(state.fitness, leftover=because))
    warned = Decision(state, (Emit(state.role, state.term, because, warning=True),))
    if waits_to_start(state) and not state.leaving:
        why = f"{rules.identity.controllee} cannot be started here again: {stuck.because}"
        gone = Leaving(state_gate.successor(rules, state), Cause.UNFIT, why)
        return warned.then(lambda s: leave(rules, s, gone))
    if state.role is not Role.ELECTION:
        return warned
    return warned.then(lambda s: to_passive(rules, s, (Cause.UNFIT, because)))


def waits_to_start(state: State) -> bool:
    """A leader without its tree; a start that is under way meets what we have just heard of."""
    starts = state.controllee.state is ControlleeState.STARTING
    return state.leading is not None and (state.restart_at is not None or starts)


def on_controllee(rules: Rules, state: State, event: ControlleeChanged) -> Decision:
    match event.state:
        case ControlleeState.RUNNING:
            return runs(rules, state, event)
        case ControlleeState.STOPPED if event.asked:
            return verified_dead(rules, state, event)
        case ControlleeState.STOPPED:
            return ended_by_itself(rules, state, event)
        case ControlleeState.STOP_FAILED:
            return cannot_be_killed(rules, state, event)
        case ControlleeState.STARTING | ControlleeState.STOPPING:
            return Decision(state)
    assert_never(event.state)


def is_ours(rules: Rules, state: State, term: Term) -> bool:
    """Whether `term` names our present leadership (or the one whose tree it took over)."""
    if state.leading is None:
        return False
    same_secret = any(
        entry.leadership == Leadership(term, rules.me)
        and entry.secret_hash == state.leading.secret_hash
        for entry in state.known
    )
    return term == state.term or same_secret


def runs(rules: Rules, state: State, event: ControlleeChanged) -> Decision:
    if not is_ours(rules, state, event.term) or state.leaving:
        return Decision(state)
    name = rules.identity.controllee
    first = state.controllee.state is not ControlleeState.RUNNING
    state = checking.begun(rules, state)
    controllee = replace(
        state.controllee, name=name, state=event.state, pid=event.pid, since=event.since
    )
    words = f"{name} runs, pid {event.pid}" if event.pid else f"{name} runs"
    told = Emit(state.role, state.term, words)
    running = Decision(replace(state, controllee=controllee), (told,))
    # All shall know now, not a heartbeat later.
    said = running.then(lambda s: say_alive(rules, s))
    if not first:
        return said
    return said.then(
        lambda s: hooks.ask(rules, s, Errand.POST_START, leads_by(s), (None, rules.me))
    )


def leads_by(state: State) -> Cause:
    """Why its controllee was started: it won, or it restarts it."""
    assert state.leading is not None
    return Cause.RESTART if state.exits else state.leading.cause


def verified_dead(rules: Rules, state: State, event: ControlleeChanged) -> Decision:
    """The tree is gone and that leadership can never start again."""
    stopped = Controllee(name=rules.identity.controllee, restarts=state.controllee.restarts)
    ours = is_ours(rules, state, event.term)
    if state.leading and not ours:
        return Decision(state)
    state = replace(state, controllee=stopped, secret_hash=event.next_secret_hash)
    state, unchecked = checking.over(state)
    if state.leading is None:
        told = tell_proof(rules, state, event)
        return told.then(lambda s: hooks.undo(rules, s, Cause.LOST_AUTHORITY)).plus(*unchecked)
    state = replace(state, leading=replace(state.leading, closed=True))
    if state.leaving is None:
        successor = state_gate.successor(rules, state)
        state = replace(state, leaving=Leaving(successor, Cause.UNFIT, event.because))
    return closed(rules, state, event.secret).plus(*unchecked)


def tell_proof(rules: Rules, state: State, event: ControlleeChanged) -> Decision:
    """We led no more, but our voters may still be bound: free them."""
    if not event.secret:
        return Decision(state)
    proof = Proof(event.term, rules.me, event.secret)
    word = Resign(proof, None, event.because or "its controllee is verified dead")
    return Decision(with_release(state, proof), tuple(Send(peer, word) for peer in rules.peers))


def ended_by_itself(rules: Rules, state: State, event: ControlleeChanged) -> Decision:
    leading = state.leading
    if leading is None or state.leaving or not is_ours(rules, state, event.term):
        return Decision(state)
    because = f"{state.check.hung}; {event.because}" if state.check.hung else event.because
    told = Emit(
        state.role, state.term, f"{rules.identity.controllee} ended: {because}", warning=True
    )
    state, unchecked = checking.over(state)
    ended = Decision(replace(state, check=Check()), (told, *unchecked))
    if event.exec_failed:
        return ended.then(lambda s: unfit(rules, s, because))
    undone = ended.then(lambda s: hooks.undo(rules, s, Cause.RESTART))
    return undone.then(lambda s: start_again(rules, s, because))


def start_again(rules: Rules, state: State, because: str) -> Decision:
    """The first time at once, then after a pause; or not, when it has ended too often."""
    leading, name = state.leading, rules.identity.controllee
    assert leading is not None
    restarts = state.controllee.restarts
    if leading.deadline <= state.now:  # Killed at the deadline; our authority came back since.
        at = Millis(state.now + rules.heartbeat_ms)
        stopped = Controllee(name, restarts=restarts)
        return Decision(replace(state, controllee=stopped, restart_at=at))
    recent = tuple(at for at in state.exits if state.now - at < rules.restart_window_ms)
    exits = (*recent, state.now)
    stopped = Controllee(name, restarts=restarts + 1)
    state = replace(state, controllee=stopped, exits=exits)
    if len(exits) >= rules.restart_limit:
        because = f"{name} ended {len(exits)} times within HAD_RESTART_WINDOW: {because}"
        return unfit(rules, state, because)
    return Decision(replace(state, restart_at=Millis(state.now + pause_before(len(exits)))))


def pause_before(restart_number: int) -> int:
    if restart_number == 1:
        return 0
    return min(RESTART_LONGEST_MS, RESTART_SECOND_MS << (restart_number - 2))


def restart_due(state: State) -> Millis | None:
    """When it is to be started again; HAD_POST_STOP of its end is over before that."""
    return None if hooks.is_pending(state, Errand.POST_STOP) else state.restart_at


def restart(rules: Rules, state: State) -> Decision:
    """Its time has come: start again, in the same term, if authority allows it."""
    leading, due = state.leading, restart_due(state)
    if leading is None or due is None or state.now < due:
        return Decision(state)
    if leading.deadline <= state.now:
        return Decision(replace(state, restart_at=Millis(state.now + rules.heartbeat_ms)))
    starting = replace(state.controllee, state=ControlleeState.STARTING)
    state = replace(state, controllee=starting, restart_at=None)
    return state_gate.start(rules, state, Cause.RESTART, rules.me)


def unfit(rules: Rules, state: State, because: str) -> Decision:
    """Leave in favour of a fit member and stay away for the cooldown."""
    state = replace(state, fitness=replace(state.fitness, controllee=because))
    successor = state_gate.successor(rules, state)
    return stay_away(rules, state, Leaving(successor, Cause.UNFIT, because))


def stay_away(rules: Rules, state: State, leaving: Leaving) -> Decision:
    """Leave, and do not stand before the cooldown is over; relapses double it."""
    relapses = state.relapses if state.now - state.since < 2 * rules.restart_window_ms else 0
    cooldown = rules.unfit_cooldown_ms * 2 ** min(relapses, RELAPSES_COUNTED)
    fitness = replace(state.fitness, until=Millis(state.now + cooldown))
    return leave(rules, replace(state, fitness=fitness, relapses=relapses + 1), leaving)


def cannot_be_killed(rules: Rules, state: State, event: ControlleeChanged) -> Decision:
    stuck = replace(state.controllee, state=ControlleeState.STOP_FAILED)
    because = f"stop_failed: {event.because}; nobody starts before it is dead"
    told = Emit(state.role, state.term, because, warning=True)
    warned = Decision(replace(state, controllee=stuck), (told,))
    if state.role is not Role.ELECTION:
        return warned
    return warned.then(lambda s: to_passive(rules, s, (Cause.UNFIT, because)))


# --- the disk and the cooldown ---


def on_persist_failed(rules: Rules, state: State, failed: PersistFailed) -> Decision:
    """Unfit at once, cannot vote; a leader goes on."""
    news = not state.fitness.store
    because = f"the state directory does not take writes: {failed.because}"
    fitness = replace(
        state.fitness, store=because, store_retry_at=Millis(state.now + STORE_RETRY_MS)
    )
    state = replace(state, fitness=fitness)
    told = (Emit(state.role, state.term, because, warning=True),) if news else ()
    candidacy = state.candidacy
    if candidacy and candidacy.phase is Phase.VOTE:
        return Decision(state, told).then(lambda s: give_up(rules, s, candidacy))
    return Decision(state, told)


def store_works(state: State, serial: int) -> Decision:
    state = replace(state, durable=max(state.durable, serial))
    if not state.fitness.store:
        return Decision(state)
    state = replace(state, fitness=replace(state.fitness, store=""))
    return Decision(
        state, (Emit(state.role, state.term, "the state directory takes writes again"),)
    )


def recover(state: State) -> Decision:
    """Cooldown over: fit again. Disk failed: try it again."""
    fitness: Fitness = state.fitness
    if fitness.until is not None and state.now >= fitness.until:
        fitness = replace(fitness, controllee="", state="", until=None)
        state = replace(state, fitness=fitness)
        told = Emit(state.role, state.term, "its cooldown is over: fit again")
        return Decision(state, (told,)).then(recover)
    if fitness.store and state.now >= fitness.store_retry_at:
        at = Millis(state.now + STORE_RETRY_MS)
        state = replace(state, fitness=replace(fitness, store_retry_at=at))
        state = state.with_record(state.record)
        return Decision(state, (Persist(state.record),))
    return Decision(state)
