"""HAD_FENCE_COMMAND: before a silent leader is taken over from, in mode none.

Silence is not death, and in mode none nothing but this command can make sure. A leadership that was
released by proof needs none of it; in mode majority, where the lease has ended the controllee, it
is not among the errands.
"""

from hadelect.core.effects import Cancel, Effect, Run
from hadelect.core.frozen import replace
from hadelect.core.state import Candidacy, Decision, Phase, State
from hadelect.core.vocabulary import Errand, Leadership, Rules


def owed(rules: Rules, state: State) -> Leadership | None:
    """The silent leadership that nothing has proven over, whatever we stand for."""
    if Errand.FENCE not in rules.errands or state.leader not in rules.peers:
        return None
    assert state.leader is not None
    silent = Leadership(state.term, state.leader)
    return None if silent in (*state.released, state.fenced) else silent


def begin(rules: Rules, state: State, candidacy: Candidacy, silent: Leadership) -> Decision:
    """All that are reached would grant us a term: have the silent leader fenced first."""
    number = state.errand_serial + 1
    fencing = replace(candidacy, phase=Phase.FENCE, since=state.now, fence_id=number, silent=silent)
    run = Run(number, Errand.FENCE, silent.term, candidacy.cause, silent.leader, rules.me)
    return Decision(replace(state, candidacy=fencing, errand_serial=number), (run,))


def cancelled(candidacy: Candidacy | None) -> tuple[Effect, ...]:
    if candidacy is None or candidacy.fence_id == 0:
        return ()
    return (Cancel(candidacy.fence_id),)
