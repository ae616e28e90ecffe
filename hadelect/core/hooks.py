"""The administrator's hooks: which one, when, and what waits for it.

1. In order, one at a time; a hook holds up the start or stop it belongs to, and nothing else:
   no Alive, no deadline, no vote.
2. HAD_PRE_START comes before every start, HAD_POST_STOP after the end of all that HAD_PRE_START
   began, be it one that vetoed. Both must bear to be run twice.
3. A forced end (deadline, authority lost) waits for nothing and runs no HAD_PRE_STOP; what a start
   or planned stop had begun is cancelled, HAD_POST_STOP follows.
4. Without hooks every function here is an identity.
"""

from hadelect.core.effects import Cancel, Effect, Run, Start, Stop
from hadelect.core.frozen import replace
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Cause, ControlleeState, Errand, Millis, Name, Rules

OF_A_LEADERSHIP = (Errand.PRE_START, Errand.POST_START, Errand.PRE_STOP)


def ask(
    rules: Rules,
    state: State,
    errand: Errand,
    cause: Cause,
    change: tuple[Name | None, Name | None] = (None, None),
) -> Decision:
    """Run it, behind what runs and waits already (but for news).

    `change`: the leader before and after.
    """
    if errand not in rules.errands:
        return Decision(state)
    number = state.errand_serial + 1
    run = Run(number, errand, state.term, cause, *change)
    waiting = state.hooks.waiting
    if errand is not Errand.ON_LEADER_CHANGE:  # News wait for who does something about them.
        news = tuple(one for one in waiting if one.errand is Errand.ON_LEADER_CHANGE)
        waiting = (*(one for one in waiting if one not in news), run, *news)
    else:
        waiting = (*waiting, run)
    hooks = replace(state.hooks, waiting=waiting)
    return begin_next(replace(state, hooks=hooks, errand_serial=number))


def begin_next(state: State) -> Decision:
    hooks = state.hooks
    if hooks.running or not hooks.waiting:
        return Decision(state)
    first, *rest = hooks.waiting
    hooks = replace(hooks, running=first, unwanted=False, waiting=tuple(rest))
    return Decision(replace(state, hooks=hooks), (first,))


def is_pending(state: State, errand: Errand) -> bool:
    hooks = state.hooks
    runs = hooks.running is not None and hooks.running.errand is errand
    return runs or any(run.errand is errand for run in hooks.waiting)


def dropped(state: State, errands: tuple[Errand, ...]) -> tuple[State, tuple[Effect, ...]]:
    """These are not wanted any more, waiting or running."""
    hooks = state.hooks
    waiting = tuple(run for run in hooks.waiting if run.errand not in errands)
    running = hooks.running
    if running is None or running.errand not in errands or hooks.unwanted:
        return replace(state, hooks=replace(hooks, waiting=waiting)), ()
    hooks = replace(hooks, waiting=waiting, unwanted=True)
    return replace(state, hooks=hooks), (Cancel(running.id),)


# --- around the controllee ---


def start(rules: Rules, state: State, cause: Cause, old: Name | None = None) -> Decision:
    """Of the controllee, in the leadership in force; HAD_PRE_START goes before it."""
    state = replace(state, hooks=replace(state.hooks, undo=Errand.POST_STOP in rules.errands))
    if Errand.PRE_START in rules.errands:
        return ask(rules, state, Errand.PRE_START, cause, (old, rules.me))
    return start_now(rules, state)


def start_now(rules: Rules, state: State) -> Decision:
    """If authority still allows it: what went before may have taken its time."""
    leading = state.leading
    assert leading is not None
    if leading.deadline <= state.now:
        at = Millis(state.now + rules.heartbeat_ms)  # Once authority is back, if it comes back.
        stopped = replace(state.controllee, state=ControlleeState.STOPPED)
        return Decision(replace(state, restart_at=at, controllee=stopped))
    state = replace(state, leading=replace(leading, started=True))
    return Decision(state, (Start(state.term, leading.deadline),))


def stop(rules: Rules, state: State) -> Decision:
    """Planned. HAD_PRE_STOP goes before it if the controllee runs."""
    leaving = state.leaving
    assert leaving is not None
    runs = state.controllee.state is ControlleeState.RUNNING
    state, cancelled = dropped(state, OF_A_LEADERSHIP)
    if state.controllee.state is not ControlleeState.STOP_FAILED:
        state = replace(state, controllee=replace(state.controllee, state=ControlleeState.STOPPING))
    if runs and Errand.PRE_STOP in rules.errands:
        change = (rules.me, leaving.successor)
        asked = ask(rules, state, Errand.PRE_STOP, leaving.cause, change)
        return Decision(asked.state, (*cancelled, *asked.effects))
    return Decision(state, (*cancelled, Stop(state.term, kill=False, because=leaving.because)))


def undo(rules: Rules, state: State, cause: Cause, new: Name | None = None) -> Decision:
    """Nothing of the tree is left: HAD_POST_STOP, if it is owed."""
    if not state.hooks.undo:
        return Decision(state)
    state, cancelled = dropped(state, OF_A_LEADERSHIP)
    state = replace(state, hooks=replace(state.hooks, undo=False))
    asked = ask(rules, state, Errand.POST_STOP, cause, (rules.me, new))
    return Decision(asked.state, (*cancelled, *asked.effects))


def reloaded(rules: Rules, new: Rules, state: State) -> State:
    """A hook that comes with a reload hears of no leader of before, and HAD_POST_STOP is owed to
    what runs or begins already. (One that goes while it waits does nothing when its turn comes.)
    """
    come = [errand for errand in new.errands if errand not in rules.errands]
    kept = state.hooks
    if Errand.ON_LEADER_CHANGE in come:
        kept = replace(kept, told=state.leader)
    if Errand.POST_STOP in come and state.controllee.state is not ControlleeState.STOPPED:
        kept = replace(kept, undo=True)
    return replace(state, hooks=kept)


# --- whoever leads ---


def tell_leader(rules: Rules, state: State) -> Decision:
    """HAD_ON_LEADER_CHANGE; of several changes that wait, the last is told."""
    hooks = state.hooks
    new, old = state.leader, hooks.told
    if Errand.ON_LEADER_CHANGE not in rules.errands or new is None or new == old:
        return Decision(state)
    late = [run for run in hooks.waiting if run.errand is Errand.ON_LEADER_CHANGE]
    if late:
        old = late[0].old
    waiting = tuple(run for run in hooks.waiting if run not in late)
    state = replace(state, hooks=replace(hooks, told=new, waiting=waiting))
    cause = state.leading.cause if state.leading else Cause.FOLLOWS
    if cause is Cause.FOLLOWS and old is not None and hooks.farewell == old:
        cause = Cause.RESIGN
    return ask(rules, state, Errand.ON_LEADER_CHANGE, cause, (old, new))
