"""What a member does when its rules change while it runs.

1. A reload never moves the leadership and never touches the controllee.
2. What was said by the old rules keeps its meaning: a lease in an Alive or a SendId, a deadline, a
   cooldown. What is said from now on goes by the new ones.
3. The identity never changes here: pool, members, arbitration and controllee are refused before.
4. Hooks and probes: what runs ends as it began; what is begun from now on goes by the new rules.
"""

from hadelect.core import checking, hooks
from hadelect.core.authority import with_authority
from hadelect.core.effects import Emit
from hadelect.core.events import Reloaded
from hadelect.core.frozen import replace
from hadelect.core.leading import say_alive
from hadelect.core.state import Decision, State
from hadelect.core.views import leader_lives
from hadelect.core.vocabulary import Rules


def on_reloaded(rules: Rules, state: State, reloaded: Reloaded) -> Decision:
    """`rules` are those of before; everything after this step goes by the new ones."""
    new = reloaded.rules
    assert (new.me, new.identity) == (rules.me, rules.identity)
    told = Emit(state.role, state.term, reloaded.because, warning=reloaded.warning)
    if new == rules:
        return Decision(state, (told,))
    state = replace(spared(rules, new, state), report_due=state.now)
    state, cancelled = checking.reloaded(rules, new, hooks.reloaded(rules, new, state))
    return Decision(state, (told, *cancelled)).then(lambda s: lead_on(new, s))


def spared(rules: Rules, new: Rules, state: State) -> State:
    """A member that has just become the primary leaves the present leader in its place."""
    if new.primary != new.me or rules.primary == rules.me or not leader_lives(state, state.now):
        return state
    return replace(state, spares=state.leader)


def lead_on(rules: Rules, state: State) -> Decision:
    """A narrower margin moves the deadline at once, and all hear of a new lease at once."""
    if state.leading is None:
        return Decision(state)
    moved = with_authority(rules, state, state.leading.authority_until)
    return moved.then(lambda s: say_alive(rules, s))
