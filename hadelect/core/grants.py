"""What the answers to a candidate amount to: enough, hopeless, or to be waited for.

1. Mode majority: grants of a majority; an objection lapses with the round.
2. Mode none: a grant of every peer that it reaches and that may vote, and no refusal. Who was
   heard within a lease and does not answer is in our partition for all we know: it is asked again,
   for at most a lease since we began to stand. Not so the leader whose silence is the reason: if
   it speaks again it has a round to answer, and it cannot lead without our own answer.
"""

from hadelect.core.state import Candidacy, Phase, State
from hadelect.core.views import reached
from hadelect.core.vocabulary import Arbitration, Name, Refusal, Rules

NOT_VOTING = frozenset((Refusal.MUTE, Refusal.BLANK, Refusal.NO_STORE))


def enough(rules: Rules, state: State, candidacy: Candidacy, *, over: bool) -> bool:
    """`over`: the round is."""
    if rules.me not in candidacy.grants:
        return False
    if rules.identity.arbitration is Arbitration.MAJORITY:
        objections = [r for _, r in candidacy.refusals if r is Refusal.HIGHER_PRIORITY]
        return len(candidacy.grants) >= rules.majority and (over or not objections)
    if any(refusal not in NOT_VOTING for _, refusal in candidacy.refusals):
        return False
    silent = unanswered(rules, state, candidacy)
    if not over or not silent:
        return not silent
    leader = candidacy.silent.leader if candidacy.silent else None
    return silent == (leader,) or state.now - state.since >= rules.lease_ms


def unanswered(rules: Rules, state: State, candidacy: Candidacy) -> tuple[Name, ...]:
    answered = {*candidacy.grants, *(name for name, _ in candidacy.refusals)}
    return tuple([peer for peer in reached(rules, state, state.now) if peer not in answered])


def hopeless(rules: Rules, candidacy: Candidacy) -> bool:
    if candidacy.phase is Phase.PREVOTE:
        return False  # An objection lapses with the round.
    if rules.identity.arbitration is Arbitration.MAJORITY:
        return len(candidacy.refusals) > len(rules.voters) - rules.majority
    return any(refusal not in NOT_VOTING for _, refusal in candidacy.refusals)
