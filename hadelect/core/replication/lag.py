"""How old our copy may be: what a start on it, now, could lose.

Law 1: at `verified_at` (of our own clock) all of the leader's live state was in what we hold.
Law 2: it grows while somebody else leads, and stands still while nobody does: nobody writes then.
       A winner that has not started its controllee writes nothing, either.
Law 3: it is the leader's word that makes it small. Who has not followed anybody in this life takes
       what a peer says of a version that ours contains.
Law 4: what is told are ages that go on growing; that it stands still is told beside them, so that
       nobody counts the time of one member's silence for another.
"""

from hadelect.core.frozen import replace
from hadelect.core.replication.messages import UNKNOWN_MS, Advert
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import LONG_AGO, Claim, Peer, State
from hadelect.core.versions import contains, newer
from hadelect.core.vocabulary import Millis, Term

BLIND_MS = Millis(100)  # So long after a write, at the latest, a machine that lives notices it.
CLAIMS_KEPT = 32


def lag_ms(state: State) -> Millis:
    """0 where the newest was written."""
    if state.writes or wrote_newest(state) or not (state.known or state.held):
        return Millis(0)
    if state.held is None:
        return UNKNOWN_MS
    return bounded(ended_at(state) - state.verified_at)


def ended_at(state: State) -> Millis:
    """When it was last possible that somebody wrote: now, for who has not heard of an end."""
    return state.lost_at if state.ended and not state.led else state.now


def bounded(length_ms: int) -> Millis:
    return Millis(min(max(0, length_ms), UNKNOWN_MS))


def age_ms(state: State) -> Millis:
    """What the peers are told."""
    if state.writes:
        return unwritten_ms(state)
    if wrote_newest(state):
        return bounded(state.now - ended_at(state))
    return copied_ms(state)


def copied_ms(state: State) -> Millis:
    return bounded(state.now - state.verified_at) if state.founded else UNKNOWN_MS


def noted_ms(state: State) -> Millis:
    """What our next life must know: it adds the time until it begins."""
    return unwritten_ms(state) if state.writes else copied_ms(state)


def unwritten_ms(state: State) -> Millis:
    """Of a leader: since when there may be something in its live files that `held` lacks."""
    clean = state.live.looked and not state.live.dirty
    return BLIND_MS if clean else bounded(BLIND_MS + copied_ms(state))


def idle_ms(state: State) -> Millis:
    """Since when nobody leads; also what the peers are told."""
    if state.led:
        return Millis(0)
    return bounded(state.now - state.lost_at) if state.ended else UNKNOWN_MS


def wrote_newest(state: State) -> bool:
    """Nobody else has led since, as far as it was heard: what a later one took may be unknown."""
    return bool(state.author) and not newer(state.known, state.version) and not outled(state)


def outled(state: State) -> bool:
    return state.version is not None and state.others > state.version.term


# --- who leads, who has led ---


def follow(state: State) -> State:
    """Whether somebody leads, by HAD's word or that of the leader's own replication daemon."""
    adverts = [peer.advert for peer in state.peers if peer.up and peer.advert]
    other = state.told.leader is not None and not state.leads
    led = other or state.writes or any(said.leads for said in adverts)
    if led == state.led:
        return state
    if led:
        return replace(state, led=True)
    return replace(state, led=False, lost_at=state.now, ended=True)


def others_led(rules: ReplicationRules, state: State, term: Term) -> State:
    """Somebody leads that term, or did: not we."""
    if rules.leads(term) or term <= state.others:
        return state
    return replace(state, others=term)


def on_heard(rules: ReplicationRules, state: State, peer: Peer, said: Advert) -> State:
    """What a peer says of leaderships, and of the age of its copy, when it said it.

    Where we were frozen, or a link held it back, that is not now.
    """
    late = lateness(peer, said, state.now)
    said = replace(said, age_ms=bounded(said.age_ms + late), idle_ms=bounded(said.idle_ms + late))
    state = others_led(rules, state, max(said.leads, said.others))
    return claim(ended(rules, state, said), said)


def usual(peer: Peer, said: Advert, now: Millis) -> Millis | None:
    """The shortest way of a word of this stream; two clocks may drift apart by one per cent."""
    if said.sent_at is None:
        return peer.usual
    took = Millis(now - said.sent_at)
    if peer.usual is None:
        return took
    return Millis(min(took, peer.usual + (now - peer.heard_at) // 100))


def lateness(peer: Peer, said: Advert, now: Millis) -> int:
    if said.sent_at is None or peer.usual is None:
        return 0
    return now - said.sent_at - peer.usual


def ended(rules: ReplicationRules, state: State, said: Advert) -> State:
    """A peer saw the last leadership longer than we did (by more than it takes to tell)."""
    if state.led or state.leads or said.idle_ms >= UNKNOWN_MS:
        return state
    at = Millis(state.now - said.idle_ms)
    if state.ended and at <= state.lost_at + rules.slow_beat_ms:
        return state
    return replace(state, lost_at=at, ended=True)


# --- when all of it was here ---


def claim(state: State, said: Advert) -> State:
    """A peer says how old its line is; it is worth remembering for when we have that line too."""
    if said.line is None or state.writes or said.age_ms >= UNKNOWN_MS:
        return state
    if said.leads:
        highest = max([peer.advert.leads for peer in state.peers if peer.up and peer.advert])
        if said.leads < highest:
            return state  # The other one of a split brain.
    elif state.synced:
        return state
    version = said.line.version
    others = [one for one in state.claims if one.version != version]
    mine = Claim(version, Millis(state.now - said.age_ms), leader=bool(said.leads))
    return believe(replace(state, claims=(*others, mine)[-CLAIMS_KEPT:]))


def believe(state: State) -> State:
    """Apply what was claimed of versions that are in what is held."""
    ours = [one for one in state.claims if contains(state.held, one.version)]
    if not ours:
        return state
    at = max(one.at for one in ours)
    if state.founded:
        at = Millis(max(state.verified_at, at))
    synced = state.synced or any(one.leader for one in ours)
    return replace(state, verified_at=at, synced=synced, founded=True)


def left(state: State, term: Term) -> State:
    """Our controllee is gone, which led `term`. All it wrote is here.

    But when it died is not known if another leads already: HAD was frozen.
    """
    if state.others <= term:
        return replace(state, verified_at=state.now)
    return believe(replace(state, verified_at=LONG_AGO, founded=False, synced=False))


def too_old(rules: ReplicationRules, state: State) -> bool:
    """More would be lost than REPLICATION_MAX_LAG allows without consent."""
    return lag_ms(state) > rules.max_lag_ms
