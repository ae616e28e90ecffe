"""What follows from the word of the replication daemon: of our copy, and of what it was asked for.

1. Prepared: HAD_PRE_START, then the start. Not prepared: a member that could start at once with
   the newest state gets the leadership, once per cooldown; if there is none, it is tried again.
2. A restart of what ran in this very leadership does not wait for a daemon that is silent: the
   live files are its own, and nothing was installed while it ran. If it has said before why nothing
   should be started, that stands.
3. A last copy that failed is told and holds nothing up: the next leader fetches what it lacks, or
   refuses to start.
"""

from hadelect.core import state_gate
from hadelect.core.controllee import stay_away
from hadelect.core.effects import Effect, Emit, Run
from hadelect.core.events import Ran, ReplicaChanged, ReplicationSaid
from hadelect.core.frozen import replace
from hadelect.core.hooks import start as start_controllee
from hadelect.core.leaving import farewell
from hadelect.core.state import Decision, Gate, Leaving, State
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Cause, Errand, Millis, Outcome, Rules

PREPARE_AGAIN_MS = 3_000


def on_answered(rules: Rules, state: State, run: Run, ran: Ran) -> Decision:
    if run.errand is Errand.FLUSH_STATE:
        return flushed(rules, state, run, ran)
    return prepared(rules, state, run, ran)


def prepared(rules: Rules, state: State, run: Run, ran: Ran) -> Decision:
    leading, mine = state.leading, state.replica
    assert leading is not None
    assert mine is not None
    name = rules.identity.controllee
    if ran.outcome is Outcome.DONE:
        took = (state.now - state.gate.since) / 1000
        words = f"its state is ready after {took:.1f} s: {mine.version or 'nothing kept before'}"
        known = f"{words}; {ran.because}" if ran.because else words
        told = Emit(state.role, state.term, known, warning=bool(ran.because))
    elif ran.outcome is Outcome.UNKNOWN and leading.started and not state.gate.because:
        words = f"{name} starts again on the files that it left, unasked: {ran.because}"
        told = Emit(state.role, state.term, words, warning=True)
    else:
        return not_prepared(rules, state, run, ran)
    state = replace(state, gate=Gate())
    return Decision(state, (told,)).then(lambda s: start_controllee(rules, s, run.cause, run.old))


def not_prepared(rules: Rules, state: State, run: Run, ran: Ran) -> Decision:
    """Nothing is started."""
    assert state.replica is not None
    words = f"{rules.identity.controllee} is not started, its state is not ready: {ran.because}"
    heir = state_gate.heir(rules, state, state.replica)
    if heir is not None:
        state = replace(state, fitness=replace(state.fitness, state=words))
        return stay_away(rules, replace(state, gate=Gate()), Leaving(heir, Cause.UNFIT, words))
    news = ran.because != state.gate.because
    told = (Emit(state.role, state.term, words, warning=True),) if news else ()
    again = Millis(state.now + PREPARE_AGAIN_MS)
    gate = replace(state.gate, run=run, retry_at=again, because=ran.because)
    return Decision(replace(state, gate=gate), told)


def flushed(rules: Rules, state: State, run: Run, ran: Ran) -> Decision:
    state = replace(state, gate=Gate(flushed=True))
    if ran.outcome is Outcome.DONE:
        version = state.replica.version if state.replica else None
        words = f"its last state, {version}, is at {run.new or 'another member'}"
    else:
        words = f"its last state may be nowhere else; it resigns all the same: {ran.because}"
    failed = ran.outcome is not Outcome.DONE
    told = Decision(state, (Emit(state.role, state.term, words, warning=failed),))
    return told.then(lambda s: farewell(rules, s))


# --- our own copy ---


def on_replica(rules: Rules, state: State, changed: ReplicaChanged) -> Decision:
    """What our replication daemon says of our copy."""
    old, new = state.replica, changed.replica
    if old is None:
        return Decision(state)  # Nothing is replicated by our configuration.
    told: tuple[Effect, ...] = ()
    state = replace(state, replica=new, replica_at=state.now)
    if new.problem != old.problem:
        state = replace(state, report_due=state.now)
        words = new.problem or f"its copy of the state is well: {new.version or 'none yet'}"
        told = (Emit(state.role, state.term, words, warning=bool(new.problem)),)
    if (new.version, new.ready, new.problem) != (old.version, old.ready, old.problem):
        state = look_again(state)
    return Decision(state, told).then(lambda s: caught_up(rules, s, new))


def on_said(state: State, said: ReplicationSaid) -> Decision:
    told = Emit(state.role, state.term, said.because, warning=said.warning)
    return Decision(state, (told,))


def look_again(state: State) -> State:
    """What a preparation lacked may be there now."""
    gate = state.gate
    if gate.retry_at is None:
        return state
    return replace(state, gate=replace(gate, retry_at=state.now))


def caught_up(rules: Rules, state: State, mine: Replica) -> Decision:
    """A member that could not have the newest state has it: fit before its cooldown is over."""
    fitness = state.fitness
    lacks = mine.problem or not mine.ready or state_gate.awaited(rules, state, mine)
    if not fitness.state or lacks:
        return Decision(state)
    until = fitness.until if fitness.controllee else None
    state = replace(state, fitness=replace(fitness, state="", until=until), report_due=state.now)
    return Decision(state, (Emit(state.role, state.term, "it has the newest state: fit again"),))
