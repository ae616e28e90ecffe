"""The health probe: hung but alive counts as ended.

1. A probe that could not be run says nothing: it is told, and never counts.
2. Until the controllee was well once, failures within its start grace do not count.
3. Enough failures in a row: its tree is ended, the leadership goes on; from there on it is an end
   like any other (restart with backoff, restart limit, unfit).
"""

from hadelect.core.effects import Cancel, Effect, Emit, End, Run
from hadelect.core.events import Ran
from hadelect.core.frozen import replace
from hadelect.core.state import Check, Decision, State
from hadelect.core.vocabulary import ControlleeState, Errand, Millis, Outcome, Rules


def begun(rules: Rules, state: State) -> State:
    """The controllee runs."""
    if Errand.CHECK not in rules.errands or state.controllee.state is ControlleeState.RUNNING:
        return state
    return probed(rules, state)


def probed(rules: Rules, state: State) -> State:
    """From now on."""
    check = Check(due=state.now, grace_until=Millis(state.now + rules.start_grace_ms))
    return replace(state, check=check)


def over(state: State) -> tuple[State, tuple[Effect, ...]]:
    """There is nothing to probe any more."""
    check = state.check
    return replace(state, check=Check(hung=check.hung)), (Cancel(check.id),) if check.id else ()


def reloaded(rules: Rules, new: Rules, state: State) -> tuple[State, tuple[Effect, ...]]:
    """A probe that comes has the start grace before it counts, one that goes is forgotten; failures
    of another one say nothing against what the new one judges.
    """
    was, stays = Errand.CHECK in rules.errands, Errand.CHECK in new.errands
    if was and not stays:
        return over(state)
    if stays and not was and state.controllee.state is ControlleeState.RUNNING:
        return probed(new, state), ()
    if new.check_digest != rules.check_digest:
        state = replace(state, check=replace(state.check, failures=0, because=""))
    if state.check.due is not None:
        soon = min(state.check.due, Millis(state.now + new.check_interval_ms))
        state = replace(state, check=replace(state.check, due=soon))
    return state, ()


def due(state: State) -> Millis | None:
    """When the next probe is to be begun; None = not while things are as they are."""
    return None if state.check.id or state.leaving else state.check.due


def tick(state: State) -> Decision:
    at = due(state)
    if at is None or state.now < at:
        return Decision(state)
    leading, number = state.leading, state.errand_serial + 1
    assert leading is not None
    state = replace(state, errand_serial=number, check=replace(state.check, id=number))
    return Decision(state, (Run(number, Errand.CHECK, state.term, leading.cause),))


def on_checked(rules: Rules, state: State, ran: Ran) -> Decision:
    at = Millis(state.now + rules.check_interval_ms)
    check = replace(state.check, id=0, due=at)
    name = rules.identity.controllee
    if ran.outcome is Outcome.DONE:
        well = replace(check, passed=True, failures=0, because="")
        words = f"{name} is well again" if check.because else ""
        told = (Emit(state.role, state.term, words),) if words else ()
        return Decision(replace(state, check=well), told)
    if ran.outcome is Outcome.UNKNOWN:
        words = f"the probe of {name} tells nothing: {ran.because}"
        return not_well(state, replace(check, because=words))
    if not check.passed and state.now < check.grace_until:
        return Decision(replace(state, check=check))
    failures = check.failures + 1
    words = f"the probe of {name} failed: {ran.because}"
    failed = not_well(state, replace(check, failures=failures, because=words))
    if failures < rules.check_failures or state.leaving:
        return failed
    hung = f"{name} hangs: {failures} probes in a row failed ({ran.because})"
    return failed.then(lambda s: end_hung(s, hung))


def not_well(state: State, check: Check) -> Decision:
    """Told when it changes."""
    news = check.because != state.check.because
    told = (Emit(state.role, state.term, check.because, warning=True),) if news else ()
    return Decision(replace(state, check=check), told)


def end_hung(state: State, hung: str) -> Decision:
    stopping = replace(state.controllee, state=ControlleeState.STOPPING)
    state = replace(
        state, check=Check(failures=state.check.failures, hung=hung), controllee=stopping
    )
    return Decision(
        state, (Emit(state.role, state.term, hung, warning=True), End(state.term, hung))
    )
