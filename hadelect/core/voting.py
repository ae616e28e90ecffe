"""The voter's side of an election: pre-votes, votes, withdrawals. One function per message."""

from hadelect.core.candidacy import stand_at_once
from hadelect.core.effects import Send
from hadelect.core.frozen import replace
from hadelect.core.messages import PreVote, PreVoteReply, Refused, SendId, Withdraw
from hadelect.core.promises import grant, grant_refusal
from hadelect.core.roles import to_passive
from hadelect.core.state import Decision, Phase, State
from hadelect.core.views import obstacle, standing_of
from hadelect.core.vocabulary import (
    Cause,
    Leadership,
    Name,
    Refusal,
    Role,
    Rules,
)


def on_prevote(rules: Rules, state: State, sender: Name, asked: PreVote) -> Decision:
    state = leads_no_more(state, sender)
    refusal, state = grant_refusal(rules, state, sender, asked.proof)
    objects = refusal is None and objects_to(rules, state, sender)
    if objects:
        refusal = Refusal.HIGHER_PRIORITY
        state = replace(state, objected=True)
    standing = standing_of(rules, state, state.now)
    decided = Decision(state, (Send(sender, PreVoteReply(asked.round, refusal, standing)),))
    if not objects or state.role is Role.ELECTION:
        return decided
    # The Bully: a senior member answers by standing itself.
    because = f"{sender} asks for votes and we are senior"
    return decided.then(lambda s: stand_at_once(rules, s, cause_of(s), because))


def cause_of(state: State) -> Cause:
    return Cause.SILENCE if state.term else Cause.COLD_START


def objects_to(rules: Rules, state: State, sender: Name) -> bool:
    """One objection per silence, only by a senior that could win."""
    if state.objected or rules.position(rules.me) > rules.position(sender):
        return False
    return not obstacle(rules, state, state.now)


def on_send_id(rules: Rules, state: State, sender: Name, asked: SendId) -> Decision:
    """A candidate asks for our vote; a junior candidate ourselves, we give way to a senior one."""
    first = Decision(state)
    standing_too = state.candidacy is not None and state.candidacy.phase is Phase.VOTE
    if state.role is Role.ELECTION and standing_too:
        if rules.position(rules.me) < rules.position(sender):
            return refuse(rules, state, sender, asked, Refusal.PROMISED)
        first = to_passive(rules, state, (Cause.LOST_ELECTION, f"gives way to senior {sender}"))
    return first.then(lambda s: vote(rules, s, sender, asked))


def leads_no_more(state: State, sender: Name) -> State:
    """Who asks for votes does not lead, whatever we believed; promises to it stay as they are."""
    return replace(state, leader=None) if state.leader == sender else state


def vote(rules: Rules, state: State, sender: Name, asked: SendId) -> Decision:
    state = leads_no_more(state, sender)
    refusal, state = grant_refusal(rules, state, sender, asked.proof)
    again = (asked.term, sender) == (state.record.term, state.record.vote)
    newest = max(state.record.term, state.record.led, state.term)
    if refusal is None and asked.term <= newest and not again:
        refusal = Refusal.OLD_TERM
    if refusal is None and Leadership(asked.term, sender) in state.released:
        refusal = Refusal.OLD_TERM
    if refusal:
        return refuse(rules, state, sender, asked, refusal)
    granted = to_passive(rules, state, (Cause.LOST_ELECTION, f"votes for {sender}"))
    return granted.then(lambda s: grant(s, sender, asked))


def refuse(rules: Rules, state: State, sender: Name, asked: SendId, refusal: Refusal) -> Decision:
    answer = Refused(asked.term, refusal, standing_of(rules, state, state.now))
    return Decision(state, (Send(sender, answer),))


def on_withdraw(state: State, sender: Name, withdrawn: Withdraw) -> Decision:
    """The candidate counts no vote of that term any more: a promise made to it then is void."""
    promise = state.promise
    if promise is None or (promise.term, promise.leader) != (withdrawn.term, sender):
        return Decision(state)
    freed = replace(state, promise=None)
    if state.leader is None:
        freed = replace(freed, patience_until=state.now)
    return Decision(freed)
