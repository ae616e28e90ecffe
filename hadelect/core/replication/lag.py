"""How old our copy may be: what a start on it, now, could lose.

Law 1: at `verified_at` (of our own clock) all of the leader's live state was in what we hold.
Law 2: it grows while somebody leads, and stands still while nobody does: nobody writes then.
Law 3: it is the leader's word that makes it small. Who has not followed anybody in this life takes
       what a peer says of the same version.
"""

from hadelect.core.frozen import replace
from hadelect.core.replication.messages import Advert
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Claim, State
from hadelect.core.versions import Version, newer
from hadelect.core.vocabulary import Millis

UNKNOWN_MS = Millis(366 * 86_400_000)  # A year stands for "nobody knows".
BLIND_MS = Millis(100)  # So long after a write, at the latest, a machine that lives notices it.
CLAIMS_KEPT = 32


def lag_ms(state: State) -> Millis:
    """0 where the newest was written."""
    if state.writes or wrote_newest(state) or not (state.known or state.held):
        return Millis(0)
    if state.held is None:
        return UNKNOWN_MS
    end = state.now if state.led else state.lost_at
    return Millis(min(max(0, end - state.verified_at), UNKNOWN_MS))


def unwritten_ms(state: State) -> Millis:
    """Of a leader: since when there may be something in its live files that `held` lacks."""
    return Millis(BLIND_MS + (state.now - state.verified_at if state.live.dirty else 0))


def told_ms(state: State) -> Millis:
    """What the peers are told. A guess is nothing to tell: it would beat their knowledge."""
    if state.writes:
        return unwritten_ms(state)
    return lag_ms(state) if state.founded or wrote_newest(state) else UNKNOWN_MS


def wrote_newest(state: State) -> bool:
    return bool(state.author) and not newer(state.known, state.version)


def follow(state: State) -> State:
    """Whether somebody leads, by HAD's word or that of the leader's own replication daemon."""
    adverts = [peer.advert for peer in state.peers if peer.up and peer.advert]
    led = state.told.leader is not None or state.leads or any(said.leads for said in adverts)
    if led == state.led:
        return state
    return replace(state, led=led, lost_at=state.lost_at if led else state.now)


def claim(state: State, said: Advert) -> State:
    """A peer says how old its line is; it is worth remembering for when we have that line too."""
    if said.line is None or state.writes or said.lag_ms >= UNKNOWN_MS:
        return state
    if said.leads:
        highest = max([peer.advert.leads for peer in state.peers if peer.up and peer.advert])
        if said.leads < highest:
            return state  # The other one of a split brain.
    elif state.synced:
        return state
    version = said.line.version
    others = [one for one in state.claims if one.version != version]
    mine = Claim(version, Millis(state.now - said.lag_ms), leader=bool(said.leads))
    return held_is(replace(state, claims=(*others, mine)[-CLAIMS_KEPT:]), state.version)


def held_is(state: State, version: Version | None) -> State:
    """Apply what was claimed of the version that is held."""
    for one in state.claims:
        if one.version == version:
            at = Millis(max(state.verified_at, one.at)) if state.founded else one.at
            synced = state.synced or one.leader
            state = replace(state, verified_at=at, synced=synced, founded=True)
    return state


def too_old(rules: ReplicationRules, state: State) -> bool:
    """More would be lost than REPLICATION_MAX_LAG allows without consent."""
    return lag_ms(state) > rules.max_lag_ms
