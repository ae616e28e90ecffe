"""What replicated state explains: how old our copy is, what a start waits for, who is behind."""

from collections.abc import Iterator

from hadelect.core import state_gate
from hadelect.core.copies import copy_now
from hadelect.core.reasons import Reason, Topic, hindrance, reason
from hadelect.core.state import State
from hadelect.core.versions import Replica
from hadelect.core.views import seconds
from hadelect.core.vocabulary import Errand, Role, Rules


def lines(rules: Rules, state: State) -> Iterator[Reason]:
    mine = copy_now(state, state.now)
    if mine is None or rules.witness:
        return
    if state.role is Role.LEADER:
        yield from of_leader(rules, state, mine)
    if mine.version is None:
        yield reason(Topic.STATE_NONE)
    else:
        lag = seconds(mine.lag_ms)
        yield reason(Topic.STATE, version=str(mine.version), lag_seconds=lag)
    for peer, said in state_gate.replicas(rules, state):
        if state_gate.too_old(rules, state, said):
            behind = state_gate.age(said)
            yield hindrance(Topic.PEER_STATE_BEHIND, peer=peer.name, behind=behind)


def of_leader(rules: Rules, state: State, mine: Replica) -> Iterator[Reason]:
    """A standby's problem makes it unfit, which is said as such."""
    run = state.gate.run
    if run is not None and run.errand is Errand.FLUSH_STATE:
        yield hindrance(Topic.STATE_FLUSHED, to=run.new or "another member")
    elif run is not None:
        why = state.gate.because or state_gate.waits_for(rules, state, mine)
        yield hindrance(Topic.STATE_AWAITED, name=rules.identity.controllee, because=why)
    if mine.problem:
        yield hindrance(Topic.STATE_PROBLEM, because=mine.problem)
