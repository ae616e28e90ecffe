"""The candidate's side of an election: silence, our turn, probe, pre-vote, vote, victory or not.

1. Silence seen by one member is not death: a member that stands for silence asks the silent leader
   once more (datagrams, and the runtime makes a fresh connection), then asks all, binding nobody.
2. A released leadership (proof) needs neither: its voters are free at once.
3. The k-th survivor in priority waits k x `stagger_ms`; so split votes are rare.
4. Terms are unique: the lowest above all we know whose remainder by 64 is our own position.
5. Our own vote is on disk before we count it; it is written while the others' votes travel.
"""

from typing import assert_never

from hadelect.core import fencing
from hadelect.core.effects import Persist, Send, SendDatagram
from hadelect.core.events import Persisted
from hadelect.core.frozen import replace
from hadelect.core.grants import NOT_VOTING, enough, hopeless
from hadelect.core.leading import lead
from hadelect.core.messages import PreVote, PreVoteReply, Probe, ProbeReply, Refused, SendId, Vote
from hadelect.core.roles import become, to_passive, wait_again
from hadelect.core.state import LONG_AGO, Candidacy, Decision, Phase, State
from hadelect.core.terms import credible
from hadelect.core.views import (
    active_promise,
    next_own_term,
    obstacle,
    standing_of,
    turn,
)
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Rules,
)

OVERTAKEN_MS = 20


# --- whose turn it is ---


def plan(rules: Rules, state: State, candidacy: Candidacy, delay_ms: int = 0) -> State:
    """Wait for our turn to stand; k more senior survivors go first."""
    gone = candidacy.proof.leader if candidacy.proof else None
    if candidacy.silent:
        gone = candidacy.silent.leader
    wait = delay_ms + turn(rules, state, gone, state.now) * rules.stagger_ms
    return replace(state, wanted=candidacy, stand_at=Millis(state.now + wait))


def silence(rules: Rules, state: State) -> State:
    """No leader is heard any more, or none ever was: plan to stand."""
    if state.leader is None:
        return plan(rules, state, Candidacy(Phase.PREVOTE, Cause.COLD_START, "no leader is known"))
    silent = Leadership(state.term, state.leader)
    if state.heard_at == LONG_AGO:
        because = f"no more word of {state.leader}, which only others heard"
    else:
        because = f"no Alive from {state.leader} for {(state.now - state.heard_at) / 1000:.1f} s"
    return plan(rules, state, Candidacy(Phase.PROBE, Cause.SILENCE, because, silent))


def take_turn(rules: Rules, state: State) -> Decision:
    """`stand_at` has come: stand, or look again when what keeps us from it may be over."""
    wanted = state.wanted
    assert wanted is not None
    if obstacle(rules, state, state.now):
        return Decision(replace(state, stand_at=look_again_at(rules, state)))
    begun = replace(wanted, since=state.now)
    state = replace(state, wanted=None, stand_at=None, candidacy=begun)
    why = (wanted.cause, wanted.because)
    entered = become(rules, state, Role.ELECTION, why)
    return entered.then(lambda s: begin_phase(rules, s, begun))


def look_again_at(rules: Rules, state: State) -> Millis:
    promise = active_promise(state, state.now)
    instants = [Millis(state.now + rules.round_ms)]
    if promise:
        instants.append(promise.until)
    if state.mute_until > state.now:
        instants.append(state.mute_until)
    return min(instants)


def stand_at_once(rules: Rules, state: State, cause: Cause, because: str) -> Decision:
    wanted = Candidacy(Phase.PREVOTE, cause, because)
    return take_turn(rules, replace(state, wanted=wanted, stand_at=state.now))


def begin_phase(rules: Rules, state: State, candidacy: Candidacy) -> Decision:
    match candidacy.phase:
        case Phase.PROBE:
            return probe(rules, state)
        case Phase.PREVOTE | Phase.FENCE:
            return ask_all(rules, state)
        case Phase.VOTE:
            return stand(rules, state)
    assert_never(candidacy.phase)


# --- the three phases ---


def probe(rules: Rules, state: State) -> Decision:
    """Ask the silent leader once more; after the last unanswered probe, ask all."""
    candidacy = state.candidacy
    assert candidacy is not None
    assert candidacy.silent is not None
    if candidacy.probes >= rules.probe_count:
        return ask_all(rules, state)
    asked = replace(candidacy, probes=candidacy.probes + 1)
    datagram = Probe(candidacy.silent.term, state.now)
    return Decision(
        replace(state, candidacy=asked), (SendDatagram(candidacy.silent.leader, datagram),)
    )


def on_probe_reply(rules: Rules, state: State, sender: Name, reply: ProbeReply) -> Decision:
    """The silent leader answers: be patient again. It answers that it does not lead: ask all."""
    candidacy = state.candidacy
    if candidacy is None or candidacy.phase is not Phase.PROBE or candidacy.silent is None:
        return Decision(state)
    if candidacy.silent.leader != sender:
        return Decision(state)
    if reply.leads != candidacy.silent.term:
        return ask_all(rules, state)
    heard = replace(state, heard_at=state.now, stalled_ms=Millis(0))
    patient = wait_again(heard, Millis(state.now + rules.lease_ms))
    return to_passive(rules, patient, (Cause.FOLLOWS, f"{sender} answers a probe: it is alive"))


def ask_all(rules: Rules, state: State) -> Decision:
    """Pre-vote: would you grant me a term?"""
    candidacy = state.candidacy
    assert candidacy is not None
    asking = replace(
        candidacy, phase=Phase.PREVOTE, since=state.now, grants=(rules.me,), refusals=()
    )
    standing = standing_of(rules, state, state.now)
    question = PreVote(state.now, candidacy.silent, candidacy.proof, standing)
    sends = tuple(Send(peer, question) for peer in rules.peers)
    asked = Decision(replace(state, candidacy=asking), sends)
    return asked.then(lambda s: count(rules, s, over=False))


def stand(rules: Rules, state: State) -> Decision:
    """Claim a term: our own vote goes to disk while the claim travels to all."""
    candidacy = state.candidacy
    assert candidacy is not None
    if because := obstacle(rules, state, state.now):
        passive = to_passive(rules, state, (Cause.LOST_ELECTION, because))
        return Decision(plan(rules, passive.state, candidacy, rules.round_ms), passive.effects)
    if silent := fencing.owed(rules, state):
        return fencing.begin(rules, state, candidacy, silent)
    term = next_own_term(rules, state, state.now)
    record = replace(
        state.record,
        term=term,
        vote=rules.me,
        promised_term=term,
        promised_to=rules.me,
        promised_hash=state.secret_hash,
        forgetful=False,
    )
    state = replace(state, promise=None, forgetful=False).with_record(record)
    serial = state.record.serial
    standing = replace(candidacy, phase=Phase.VOTE, term=term, serial=serial, claimed_at=state.now)
    state = replace(state, promise_serial=serial)
    return Decision(state, (Persist(state.record),)).then(lambda s: claim(rules, s, standing))


def claim(rules: Rules, state: State, candidacy: Candidacy) -> Decision:
    """Ask all for this term; again with a new send time while a slow disk keeps a vote back."""
    durable = state.durable >= candidacy.serial
    granted = (rules.me,) if durable else ()
    asking = replace(
        candidacy, since=state.now, lease_ms=rules.lease_ms, grants=granted, refusals=()
    )
    word = SendId(asking.term, state.now, asking.lease_ms, state.secret_hash, asking.proof)
    sends = tuple(Send(peer, word) for peer in rules.peers)
    return Decision(replace(state, candidacy=asking), sends)


# --- counting ---


def on_prevote_reply(rules: Rules, state: State, sender: Name, reply: PreVoteReply) -> Decision:
    candidacy = state.candidacy
    if candidacy is None or (candidacy.phase, candidacy.since) != (Phase.PREVOTE, reply.round):
        return Decision(state)
    said = Leadership(reply.standing.term, reply.standing.leader or sender)
    if reply.refusal is Refusal.LEADER_ALIVE and said not in state.released:
        return leader_lives_says(rules, state, sender, reply)
    return tally(rules, state, sender, reply.refusal)


def leader_lives_says(rules: Rules, state: State, sender: Name, reply: PreVoteReply) -> Decision:
    """A peer hears a leader that we do not: believe it as long as it would itself."""
    standing = reply.standing
    known = standing.leader in rules.peers and credible(state, standing.term)
    leader = standing.leader if known else None
    until = max(rules.round_ms, rules.lease_ms - standing.leader_heard_ms)
    believed = replace(
        state,
        leader=leader,
        term=standing.term if leader else state.term,
        stalled_ms=Millis(0),
    )
    word = "leads" if standing.leader == sender else f"hears {leader or 'a leader'}"
    why = (Cause.FOLLOWS, f"{sender} {word} (term {standing.term})")
    return to_passive(rules, wait_again(believed, Millis(state.now + until)), why)


def on_vote(rules: Rules, state: State, sender: Name, vote: Vote) -> Decision:
    candidacy = state.candidacy
    if candidacy is None or candidacy.phase is not Phase.VOTE:
        return Decision(state)
    if (vote.term, vote.sent_at) != (candidacy.term, candidacy.since):
        return Decision(state)
    return tally(rules, state, sender, None)


def on_refused(rules: Rules, state: State, sender: Name, refused: Refused) -> Decision:
    candidacy = state.candidacy
    if candidacy is None or candidacy.phase is not Phase.VOTE or refused.term != candidacy.term:
        return Decision(state)
    if refused.refusal is Refusal.OLD_TERM and credible(state, refused.standing.known_term):
        return stand(rules, state)  # A higher number is known now (its standing told us).
    return tally(rules, state, sender, refused.refusal)


def on_own_vote_durable(rules: Rules, state: State, written: Persisted) -> Decision:
    candidacy = state.candidacy
    if candidacy is None or candidacy.phase is not Phase.VOTE or written.serial < candidacy.serial:
        return Decision(state)
    if rules.me in candidacy.grants:
        return Decision(state)
    return tally(rules, state, rules.me, None)


def tally(rules: Rules, state: State, sender: Name, refusal: Refusal | None) -> Decision:
    candidacy = state.candidacy
    assert candidacy is not None
    if refusal is None:
        counted = candidacy.with_grant(sender)
    else:
        counted = candidacy.with_refusal(sender, refusal)
    return count(rules, replace(state, candidacy=counted), over=False)


def count(rules: Rules, state: State, *, over: bool) -> Decision:
    """Enough grants: go on. Hopeless, or the round is over: give up. Else wait."""
    candidacy = state.candidacy
    assert candidacy is not None
    if enough(rules, state, candidacy, over=over):
        if candidacy.phase is Phase.VOTE:
            return win(rules, state, candidacy)
        return stand(rules, state)
    if hopeless(rules, candidacy):
        return give_up(rules, state, candidacy)
    if not over:
        return Decision(state)
    voting = candidacy.phase is Phase.VOTE
    # Our own disk may take a lease; others' more, as long as nobody refuses.
    longest = rules.lease_ms if rules.me not in candidacy.grants else 3 * rules.lease_ms
    if voting and state.now - candidacy.claimed_at < longest:
        return claim(rules, state, candidacy)
    return give_up(rules, state, candidacy)


def count_without(rules: Rules, state: State) -> Decision:
    """A peer left on purpose: its answer is not waited for."""
    candidacy = state.candidacy
    if candidacy is None or candidacy.phase in (Phase.PROBE, Phase.FENCE):
        return Decision(state)
    return count(rules, state, over=False)


def give_up(rules: Rules, state: State, candidacy: Candidacy) -> Decision:
    """Not enough grants. Nobody was bound by a pre-vote: ask again. Voters are freed first."""
    if candidacy.phase is Phase.PREVOTE and not obstacle(rules, state, state.now):
        return ask_all(rules, state)
    refused = ", ".join(f"{name} {refusal.value}" for name, refusal in candidacy.refusals)
    majority = rules.identity.arbitration is Arbitration.MAJORITY
    needed = rules.majority if majority else "all it reaches"
    because = f"{len(candidacy.grants)} grants, needs {needed}" + (
        f"; {refused}" if refused else ""
    )
    retry = replace(candidacy, phase=Phase.PREVOTE, grants=(), refusals=())
    passive = to_passive(rules, state, (Cause.LOST_ELECTION, because))
    return Decision(plan(rules, passive.state, retry, rules.round_ms), passive.effects)


def win(rules: Rules, state: State, candidacy: Candidacy) -> Decision:
    # A reload may have changed the lease since: what was claimed is what was promised.
    authority_until = Millis(candidacy.since + candidacy.lease_ms)
    if authority_until - rules.margin_ms <= state.now:
        return give_up(rules, state, candidacy)  # The votes came too late to be of use.
    return lead(rules, state, candidacy)


def tick_election(rules: Rules, state: State) -> Decision:
    candidacy = state.candidacy
    assert candidacy is not None
    if candidacy.phase is Phase.PROBE:
        due = candidacy.since + candidacy.probes * rules.probe_gap_ms
        return probe(rules, state) if state.now >= due else Decision(state)
    if candidacy.phase is Phase.FENCE or state.now < round_ends(rules, candidacy):
        return Decision(state)
    return count(rules, state, over=True)


def round_ends(rules: Rules, candidacy: Candidacy) -> Millis:
    """When to ask again. Members that are only mute will soon speak: they are asked sooner; sooner
    still those that hear a leader whose Resign our question has overtaken.
    """
    refusals = {refusal for _, refusal in candidacy.refusals}
    if candidacy.phase is not Phase.PREVOTE or not refusals:
        return Millis(candidacy.since + rules.round_ms)
    if Refusal.LEADER_ALIVE in refusals:
        return Millis(candidacy.since + OVERTAKEN_MS)
    wait = rules.stagger_ms if refusals <= NOT_VOTING else rules.round_ms
    return Millis(candidacy.since + wait)
