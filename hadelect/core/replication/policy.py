"""The replication daemon's decisions: which version is taken, offered, fetched, kept, started on.

One state machine, as the election's: step(rules, state, event, now) -> (state, effects). It shares
no state with the election: HAD tells it who leads, and it tells HAD what there is to start on.

1. Only the leader whose controllee was started takes versions, under its own term, one after the
   other; what is left when it ends is made a version by the same member.
2. A copy is replaced only by a newer line, only while no controllee may run on it (the lock), and
   what the newer line does not contain is kept aside.
3. A winner starts on the newest line within reach; on less only within REPLICATION_MAX_LAG, and on
   nothing, where there was something, only with consent.
"""

from typing import assert_never

from hadelect.core.frozen import replace
from hadelect.core.replication import (
    flushing,
    lag,
    lines,
    operators,
    peers,
    preparing,
    results,
    saying,
    work,
)
from hadelect.core.replication.effects import Emit, Matter
from hadelect.core.replication.events import (
    Accept,
    AskRestore,
    Changed,
    Event,
    Failed,
    Fetched,
    Flush,
    Found,
    HadGone,
    Heard,
    Installed,
    Looked,
    Marked,
    PeerDown,
    PeerUp,
    Prepare,
    Reloaded,
    Restored,
    Snapped,
    Tick,
    Told,
    Unwanted,
)
from hadelect.core.replication.messages import UNKNOWN_MS
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Consent, Decision, Live, Peer, State
from hadelect.core.versions import newer, newest
from hadelect.core.vocabulary import Millis


def boot(rules: ReplicationRules, found: Found, now: Millis) -> Decision:
    """A life begins, with what the last one left on the disk."""
    held = found.held
    state = State(
        now=now,
        began=now,
        peers=tuple([Peer(name) for name in rules.peers]),
        held=held,
        known=newest([found.known, held.version if held else None]),
        author=lines.author_of(rules, held),
        verified_at=Millis(now - found.age_ms),
        founded=found.age_ms < UNKNOWN_MS,
        lost_at=now,
        others=found.others,
        look_due=Millis(now + rules.interval_ms),
    )
    return go_on(rules, state)


def step(rules: ReplicationRules, state: State, event: Event, now: Millis) -> Decision:
    state = replace(state, now=now)
    return take(rules, state, event).then(lambda s: go_on(rules, s))


def go_on(rules: ReplicationRules, state: State) -> Decision:
    """What the errands of HAD need, what is to be done with the files, and what is to be said."""
    done = preparing.go_on(rules, state)
    done = done.then(lambda s: flushing.go_on(rules, s))
    return done.then(lambda s: work.go_on(rules, s)).then(lambda s: saying.say(rules, s))


def take(rules: ReplicationRules, state: State, event: Event) -> Decision:
    match event:
        case Tick():
            return Decision(state)
        case Told():
            return on_told(rules, state, event)
        case HadGone():
            gone = replace(state, preparing=None, flushing=None)
            return on_told(rules, gone, Told(None))
        case Prepare():
            return preparing.on_prepare(rules, state, event)
        case Flush():
            return flushing.on_flush(rules, state, event)
        case Unwanted():
            return Decision(on_unwanted(state, event))
        case PeerUp():
            return peers.on_up(state, event)
        case PeerDown():
            return peers.on_down(state, event)
        case Heard():
            return peers.on_heard(rules, state, event)
        case Changed():
            return Decision(on_changed(state, event))
        case Looked() | Marked() | Snapped() | Fetched() | Installed() | Restored() | Failed():
            return results.on_result(rules, state, event)
        case Accept():
            return operators.on_accept(state, event)
        case AskRestore():
            return operators.on_ask_restore(rules, state, event)
        case Reloaded():
            due = Millis(min(state.look_due, state.now + rules.interval_ms))
            return Decision(replace(state, look_due=due))
        case _:
            assert_never(event)


# --- HAD's word ---


def on_told(rules: ReplicationRules, state: State, told: Told) -> Decision:
    before = state
    same = told.leads and told.term == before.told.term
    state = lag.follow(replace(state, told=told, flushed=before.flushed and same))
    state = lag.others_led(rules, state, told.term)
    if state.writes and not (before.writes and same):
        return began(rules, state)
    if before.writes and not state.writes:
        return left(rules, state, before)
    return Decision(state)


def began(rules: ReplicationRules, state: State) -> Decision:
    """A controllee runs on the live files: from here on they are the truth."""
    term = state.told.term
    clean = state.live.looked and not state.live.dirty
    lost = newer(state.known, state.version) and state.known != state.given_up
    state = replace(
        state,
        author=term,
        given_up=None,
        synced=True,
        founded=state.founded or clean,
        received=None,
        preparing=None,
        consent=Consent(),
        emptied=state.accepts_empty,
        verified_at=state.now if clean else state.verified_at,
        look_due=Millis(min(state.look_due, state.now + rules.soon_ms)),
    )
    words = f"takes versions under term {term}, from {state.version or 'what is there'} on"
    if not lines.continues(state, term):
        words = saying.beyond(state)
    told = Emit(Matter.ROLE, words, state.version)
    if lost:  # HAD decided before it could hear of that one.
        words = f"started on {state.version}: {state.known} was heard of too late, and goes aside"
        return Decision(state, (told, Emit(Matter.LOSS, words, state.known, warning=True)))
    return Decision(state, (told,))


def left(rules: ReplicationRules, state: State, before: State) -> Decision:
    """It leads no more. What its controllee wrote last may be in no version yet."""
    live = state.live
    if not before.flushed:
        # What is being read now was read before the end.
        looked = lines.continues(state, state.author)
        live = Live(looked=looked, dirty=True, due=True, touched=True)
    state = lag.left(replace(state, live=live, emptied=""), before.told.term)
    told = Emit(Matter.ROLE, f"takes no more versions under term {before.told.term}", state.version)
    return Decision(state, (told,))


def on_unwanted(state: State, event: Unwanted) -> State:
    if state.preparing is not None and state.preparing.id == event.id:
        state = replace(state, preparing=None)
    if state.flushing is not None and state.flushing.id == event.id:
        state = replace(state, flushing=None)
    return state


def on_changed(state: State, event: Changed) -> State:
    live = state.live
    if state.writes and not live.dirty:
        state = replace(state, verified_at=state.now)
    # Nobody should write to a copy: it is compared, exactly, before anything starts on it.
    looked = live.looked and state.writes
    due = live.due or event.settled
    live = replace(live, looked=looked, dirty=True, due=due, touched=True)
    return replace(state, live=live)


# --- time ---


def lag_at(state: State, now: Millis) -> Millis:
    """How old the copy is at this moment: what was reported is from the last step that said it."""
    return lag.lag_ms(replace(state, now=now))


def wake_at(rules: ReplicationRules, state: State) -> Millis:
    """When something is to be done although nothing happens."""
    due = [state.beat_due, state.report_due, state.look_due, state.began + rules.young_ms]
    due += [state.again_at, *[peer.avoid_until for peer in state.peers]]
    if state.preparing is not None:
        due.append(state.preparing.until)
    if state.flushing is not None:
        since = state.flushing.since
        due += [since + rules.silent_ms, since + rules.flush_ms]
    later = [at for at in due if at > state.now]
    return Millis(min(later))
