"""One way in: `boot`, then `step` for every event, and `wake_at` for the next Tick.

Law 1: a leader checks its authority before it handles anything else, whatever woke it.
Law 2: time acts only on a Tick, so that what waits in the inbox is heard first.
Law 3: same arguments, same answer; no clock, no dice, no I/O.
"""

from typing import assert_never

from hadelect.core import (
    candidacy,
    controllee,
    errands,
    following,
    hooks,
    leading,
    leaving,
    reloading,
    state_errands,
    voting,
)
from hadelect.core.effects import Emit, Persist, Record, SendDatagram
from hadelect.core.events import (
    ControlleeChanged,
    Drain,
    Event,
    Handover,
    LeftoverStuck,
    PeerRefused,
    Persisted,
    PersistFailed,
    Ran,
    Received,
    Released,
    Reloaded,
    ReplicaChanged,
    ReplicationSaid,
    Shutdown,
    SupervisorReady,
    Tick,
)
from hadelect.core.frozen import replace
from hadelect.core.messages import (
    Alive,
    AliveAck,
    AskHandover,
    Goodbye,
    Hello,
    Leader,
    Message,
    PreVote,
    PreVoteReply,
    Probe,
    ProbeReply,
    Refused,
    Report,
    Resign,
    SendId,
    Standing,
    Vote,
    Withdraw,
)
from hadelect.core.promises import with_known
from hadelect.core.render import happening
from hadelect.core.roles import become
from hadelect.core.state import LONG_AGO, Decision, PeerView, Promise, State
from hadelect.core.state_gate import UNKNOWN_YET
from hadelect.core.terms import with_doubt
from hadelect.core.ticking import on_tick, wake_at
from hadelect.core.vocabulary import (
    NO_TERM,
    TERM_STRIDE,
    Cause,
    Leadership,
    Millis,
    Name,
    Role,
    Rules,
    promise_length,
)

__all__ = ["boot", "step", "wake_at"]

REFUSAL_QUIET_MS = 10_000  # Between two words about one refused peer.


def boot(rules: Rules, found: Record | None, same_boot: bool, now: Millis) -> Decision:
    """The state of a member that starts, in PRE.

    `found`: its durable record, None if it has none; `same_boot`: written since this machine
    booted. A record that was not written at a clean stop of this boot tells to whom silence may be
    owed, not until when: then it is owed for the longest lease ever promised.
    """
    fresh = Record(serial=1, forgetful=True)
    record = replace(found, clean=False, serial=1) if found else fresh
    # Nothing but a clean record of this boot tells when a forgetful member may speak again.
    mute = record.forgetful and not (found and found.clean and same_boot)
    alone = not rules.peers
    promised = Millis(promise_length(max(rules.lease_ms, record.longest_lease_ms)))
    state = State(
        now=now,
        started_at=now,
        role=Role.PRE,
        since=now,
        record=record,
        durable=0,
        forgetful=record.forgetful,
        mute_until=Millis(now + promised) if mute and not alone else LONG_AGO,
        report_due=now,
        # Longer than those who must be mute are: else the first to wake asks for nothing.
        patience_until=Millis(now if alone else now + promised + rules.stagger_ms),
        peers=tuple(PeerView(name) for name in rules.peers),
        # A record not written at a clean stop names on disk already to whom silence is owed.
        promise_serial=0 if found and not found.clean else 1,
        replica=UNKNOWN_YET if rules.replicates and not rules.witness else None,
    )
    if found is not None:
        state = remembered(rules, state, found, same_boot=same_boot)
    told = Emit(Role.PRE, state.term, "starts", Cause.BOOT)
    return Decision(state, (told, Persist(record)))


def remembered(rules: Rules, state: State, found: Record, *, same_boot: bool) -> State:
    """Honour what an earlier life promised."""
    exact = found.clean and same_boot
    if exact and found.mute_until > state.now:
        state = replace(state, mute_until=found.mute_until)
    holder = found.promised_to
    if holder is None or holder not in rules.peers:
        return state  # Nobody, or ourselves: our tree is verified dead before we leave PRE.
    longest = max(rules.lease_ms, found.longest_lease_ms)
    until = found.promised_until if exact else Millis(state.now + promise_length(Millis(longest)))
    promise = Promise(found.promised_term, holder, until)
    state = with_known(state, Leadership(promise.term, holder), found.promised_hash)
    return replace(state, promise=promise)


def step(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    """Advance one member by one event."""
    state = replace(state, now=now)
    if state.quit_serial:
        return last_words(state, event)
    decided = Decision(state)
    if state.leading and now >= state.leading.authority_until:
        why = "its authority ran out: not enough members acked an Alive in time"
        decided = become(rules, state, Role.PASSIVE, (Cause.LOST_AUTHORITY, why))
    decided = decided.then(lambda s: dispatch(rules, s, event))
    if rules.errands:
        decided = decided.then(lambda s: hooks.tell_leader(rules, s))
    if decided.state.ending and decided.state.leading is None:
        return decided.then(lambda s: leaving.write_last(rules, s))
    return decided


def last_words(state: State, event: Event) -> Decision:
    """The clean record is on its way: nothing may be promised any more."""
    match event:
        case Persisted(serial):
            return leaving.quit_now(state, serial, "")
        case PersistFailed(serial, because):
            return leaving.quit_now(state, serial, because)
        case _:
            return Decision(state)


def dispatch(rules: Rules, state: State, event: Event) -> Decision:
    match event:
        case Tick():
            return on_tick(rules, state, event)
        case Received(sender, message):
            return on_received(rules, state, sender, message)
        case PeerRefused():
            return on_peer_refused(rules, state, event)
        case Released():
            return leaving.on_notice(rules, state, event)
        case SupervisorReady():
            return controllee.on_supervisor_ready(rules, state, event)
        case LeftoverStuck():
            return controllee.on_leftover(rules, state, event)
        case ControlleeChanged():
            return controllee.on_controllee(rules, state, event)
        case Ran():
            return errands.on_ran(rules, state, event)
        case ReplicaChanged():
            return state_errands.on_replica(rules, state, event)
        case ReplicationSaid():
            return state_errands.on_said(state, event)
        case Persisted():
            return on_persisted(rules, state, event)
        case PersistFailed():
            return controllee.on_persist_failed(rules, state, event)
        case Handover():
            return leaving.on_handover(rules, state, event)
        case Drain():
            return leaving.on_drain(rules, state, event)
        case Shutdown():
            return leaving.on_shutdown(rules, state, event)
        case Reloaded():
            return reloading.on_reloaded(rules, state, event)
    assert_never(event)


def on_persisted(rules: Rules, state: State, written: Persisted) -> Decision:
    works = controllee.store_works(state, written.serial)
    own_vote = works.then(lambda s: candidacy.on_own_vote_durable(rules, s, written))
    return own_vote.then(lambda s: leading.on_term_durable(rules, s, written))


def on_peer_refused(rules: Rules, state: State, refused: PeerRefused) -> Decision:
    if refused.sender not in rules.peers:
        words = happening(refused)
        return Decision(state, (Emit(state.role, state.term, words, warning=True),))
    view = state.peer(refused.sender)
    told = refusal_to_tell(view, refused.because, state.now)
    view = replace(view, refused_because=refused.because, refused_at=state.now)
    if not told:
        return Decision(state.with_peer(view))
    state = state.with_peer(replace(view, told_refusal=refused.because, told_refusal_at=state.now))
    words = happening(refused)
    return Decision(state, (Emit(state.role, state.term, words, warning=True),))


def refusal_to_tell(view: PeerView, because: str, now: Millis) -> bool:
    """A change, but not one after the other: two HADs of one name would go on for ever."""
    changed = because != view.refused_because or because != view.told_refusal
    return changed and now - view.told_refusal_at >= REFUSAL_QUIET_MS


def on_received(rules: Rules, state: State, sender: Name, message: Message) -> Decision:
    if sender not in rules.peers:
        return Decision(state)
    match message:
        case Probe(_, sent_at):
            leads = state.term if state.role is Role.LEADER else NO_TERM
            return Decision(state, (SendDatagram(sender, ProbeReply(sent_at, leads)),))
        case ProbeReply():
            return candidacy.on_probe_reply(rules, state, sender, message)
        case Goodbye():
            gone = replace(state.peer(sender), gone=True)
            return candidacy.count_without(rules, state.with_peer(gone))
        case Hello(_, version, life):
            view = state.peer(sender)
            known = heard(replace(view, version=version, life=life), state.now)
            return leading.greet(rules, state.with_peer(known), sender)
        case _:
            return on_word(rules, state, sender, message)


def on_word(rules: Rules, state: State, sender: Name, message: Message) -> Decision:
    """A message that counts as having heard the peer; most carry its standing."""
    if not claims_its_own(rules, sender, message):
        return Decision(state)  # Terms are unique whatever a faulty peer says.
    view = state.peer(sender)
    standing = standing_in(message)
    if standing is None:
        view = heard(with_vote(view, message, state.now), state.now)
        return on_message(rules, state.with_peer(view), sender, message)
    view, doubt = with_doubt(state, view, standing)
    state = state.with_peer(heard(view, state.now, standing))
    state = following.hear_rumour(rules, state, standing)
    told = following.pass_on(rules, state, standing)
    met = leading.meet_rival(rules, state, sender, standing).plus(*doubt, *told)
    return met.then(lambda s: on_message(rules, s, sender, message))


def claims_its_own(rules: Rules, sender: Name, message: Message) -> bool:
    """Whether the term it claims is one that only this sender may take."""
    match message:
        case Alive(term) | SendId(term) | Leader(term):
            return term > 0 and term % TERM_STRIDE == rules.position(sender)
        case _:
            return True


def heard(view: PeerView, now: Millis, standing: Standing | None = None) -> PeerView:
    """It is there, and one of us; what it said of itself last stands until it says otherwise."""
    view = replace(view, heard_at=now, gone=False, refused_because="")
    return replace(view, standing=standing, said_at=now) if standing else view


def with_vote(view: PeerView, message: Message, now: Millis) -> PeerView:
    """What state a voter holds is part of its vote."""
    if type(message) is not Vote or message.replica is None or view.standing is None:
        return view
    return replace(view, standing=replace(view.standing, replica=message.replica), said_at=now)


def standing_in(message: Message) -> Standing | None:
    match message:
        case Report(standing):
            return standing
        case Alive() | AliveAck() | PreVote() | PreVoteReply() | Refused():
            return message.standing
        case _:
            return None


def on_message(rules: Rules, state: State, sender: Name, message: Message) -> Decision:
    match message:
        case Alive():
            return following.on_alive(rules, state, sender, message)
        case AliveAck():
            return leading.on_alive_ack(rules, state, sender, message)
        case Leader():
            return following.on_leader(state, sender, message)
        case PreVote():
            return voting.on_prevote(rules, state, sender, message)
        case PreVoteReply():
            return candidacy.on_prevote_reply(rules, state, sender, message)
        case SendId():
            return voting.on_send_id(rules, state, sender, message)
        case Vote():
            return candidacy.on_vote(rules, state, sender, message)
        case Refused():
            return candidacy.on_refused(rules, state, sender, message)
        case Withdraw():
            return voting.on_withdraw(state, sender, message)
        case Resign():
            return leaving.on_resign(rules, state, sender, message)
        case AskHandover():
            return leaving.on_ask_handover(rules, state, sender, message)
        case Report() | Hello() | Goodbye() | Probe() | ProbeReply():
            return Decision(state)
    assert_never(message)
