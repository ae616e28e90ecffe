"""What follows from the end of an errand."""

from hadelect.core import candidacy, checking, controllee, hooks, leaving, state_errands
from hadelect.core.effects import Emit, Run, Stop
from hadelect.core.events import Ran
from hadelect.core.frozen import replace
from hadelect.core.roles import to_passive
from hadelect.core.state import Candidacy, Decision, Phase, State
from hadelect.core.vocabulary import Cause, Errand, Outcome, Rules

FENCE_FIRST_MS = 2_000
FENCE_LONGEST_MS = 60_000


def on_ran(rules: Rules, state: State, ran: Ran) -> Decision:
    if ran.id == state.check.id:
        return checking.on_checked(rules, state, ran)
    asking = state.candidacy
    if asking and ran.id == asking.fence_id:
        return on_fenced(rules, state, asking, ran)
    gate = state.gate
    if gate.run and gate.retry_at is None and ran.id == gate.run.id:
        return state_errands.on_answered(rules, state, gate.run, ran)
    run, unwanted = state.hooks.running, state.hooks.unwanted
    if run is None or run.id != ran.id:
        return Decision(state)
    state = replace(state, hooks=replace(state.hooks, running=None, unwanted=False))
    done = Decision(state)
    if not unwanted:
        if ran.outcome is not Outcome.DONE:
            words = f"{run.errand.value} failed: {ran.because}"
            state = replace(state, hooks=replace(state.hooks, failed=(run.errand, run.id)))
            done = Decision(state, (Emit(state.role, state.term, words, warning=True),))
        done = done.then(lambda s: on_hook(rules, s, run, ran))
    return done.then(lambda s: leaving.farewell(rules, s)).then(hooks.begin_next)


def on_hook(rules: Rules, state: State, run: Run, ran: Ran) -> Decision:
    """It ended, and its outcome is still wanted."""
    if run.errand is Errand.PRE_START:
        return before_start(rules, state, ran)
    if run.errand is Errand.PRE_STOP:
        left = state.leaving
        assert left is not None  # Else it would not be wanted any more.
        return Decision(state, (Stop(state.term, kill=False, because=left.because),))
    return Decision(state)


def before_start(rules: Rules, state: State, ran: Ran) -> Decision:
    """HAD_PRE_START is over: start, if it did not veto."""
    if ran.outcome is not Outcome.DONE:
        return controllee.unfit(rules, state, f"vetoed by HAD_PRE_START: {ran.because}")
    return hooks.start_now(rules, state)


def on_fenced(rules: Rules, state: State, asking: Candidacy, ran: Ran) -> Decision:
    """The silent leader is fenced: ask all again, and stand. Or it is not: try again later."""
    assert asking.silent is not None
    if ran.outcome is Outcome.DONE:
        words = f"HAD_FENCE_COMMAND: {asking.silent.leader} is fenced"
        state = replace(state, fenced=asking.silent)
        sure = replace(state, candidacy=replace(asking, fence_id=0))
        told = Decision(sure, (Emit(state.role, state.term, words),))
        return told.then(lambda s: candidacy.ask_all(rules, s))
    failures = asking.fence_failures + 1
    wait = min(FENCE_LONGEST_MS, FENCE_FIRST_MS * 2 ** min(failures - 1, 10))
    words = (
        f"HAD_FENCE_COMMAND failed ({ran.because}): no take-over from {asking.silent.leader},"
        f" tried again in {wait / 1000:g} s"
    )
    failed = replace(state.hooks, failed=(Errand.FENCE, ran.id))
    told = Decision(replace(state, candidacy=replace(asking, fence_id=0), hooks=failed))
    told = told.plus(Emit(state.role, state.term, words, warning=True))
    again = replace(asking, phase=Phase.PROBE, probes=0, fence_id=0, fence_failures=failures)
    passive = told.then(lambda s: to_passive(rules, s, (Cause.LOST_ELECTION, words)))
    return Decision(candidacy.plan(rules, passive.state, again, wait), passive.effects)
