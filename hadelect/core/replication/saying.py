"""What is said to whom, and when: to the peers, to HAD, and to our own next life.

1. An advert goes to all when it says something new, and as a beat; to who asked, at once.
2. HAD hears at once whether it may start here, and every second how old the copy is.
3. What must survive a restart is written down now and then: our next life takes the age of its copy
   from it, and must not be told that it is younger than it is.
"""

from hadelect.core.frozen import replace
from hadelect.core.replication import lag, lines, work
from hadelect.core.replication.effects import Announce, Note, Report
from hadelect.core.replication.messages import Advert
from hadelect.core.replication.preparing import ACCEPT, unheard
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Decision, Peer, State
from hadelect.core.versions import Replica, newer
from hadelect.core.vocabulary import NO_TERM, Millis


def say(rules: ReplicationRules, state: State) -> Decision:
    done = announce(rules, state)
    return done.then(lambda s: report(rules, s)).then(lambda s: note(rules, s))


# --- to the peers ---


def announce(rules: ReplicationRules, state: State) -> Decision:
    said = Advert(
        line=state.held,
        known=state.known,
        leads=state.told.term if state.writes else NO_TERM,
        sure=state.live.looked and not work.unsnapped(state) and not state.writes,
        others=state.others,
        asks=state.asks,
    )
    beat = state.now >= state.beat_due
    to_all = beat or said != state.announced
    to = [peer for peer in state.peers if peer.up and (to_all or peer.owed)]
    if to_all:
        length = rules.beat_ms if state.writes else rules.slow_beat_ms
        state = replace(state, announced=said, beat_due=Millis(state.now + length))
    if not to:
        return Decision(state)
    age, idle = lag.age_ms(state), lag.idle_ms(state)
    told = replace(said, age_ms=age, idle_ms=idle, sent_at=state.now)
    effects = tuple([Announce(peer.name, replace(told, echoes=peer.asked)) for peer in to])
    peers = tuple([replace(peer, owed=False) if peer.owed else peer for peer in state.peers])
    return Decision(replace(state, peers=peers), effects)


# --- to HAD ---


def report(rules: ReplicationRules, state: State) -> Decision:
    ready, problem = verdict(rules, state)
    replica = Replica(state.version, state.known, ready, lag.lag_ms(state), problem)
    old = state.reported
    same = old is not None and replace(replica, lag_ms=old.lag_ms) == old
    if same and not age_is_due(state, replica):
        return Decision(state)
    due = Millis(state.now + rules.slow_beat_ms)
    return Decision(replace(state, reported=replica, report_due=due), (Report(replica),))


def age_is_due(state: State, replica: Replica) -> bool:
    """HAD lets it grow while somebody leads; it must hear at which age it stands still."""
    if state.led and not state.writes:
        return state.now >= state.report_due
    stopped = state.now == state.lost_at
    return replica != state.reported and (stopped or state.now >= state.report_due)


def verdict(rules: ReplicationRules, state: State) -> tuple[bool, str]:
    """Whether a controllee could start here now; if not: what a human should know, or ""."""
    ready, problem = judged(rules, state)
    if not state.writes and (state.consent.loss or state.consent.empty):
        return ready, ""  # A human knows, and wants a start.
    return ready, problem


def judged(rules: ReplicationRules, state: State) -> tuple[bool, str]:
    if state.live.missing:
        return False, missing(state)
    if state.failures >= work.TRIES:
        return state.writes, f"its copy of the state cannot be kept up to date: {state.trouble}"
    if state.writes:
        return True, "" if lines.continues(state, state.told.term) else beyond(state)
    return verdict_on_copy(rules, state)


def missing(state: State) -> str:
    """The way out is named when all has been tried."""
    lost = state.failures >= work.TRIES
    hint = f"; bring it back, or {ACCEPT} --accept-empty-state --reason WHY`" if lost else ""
    return f"the state is missing: {state.live.missing}{hint}"


def beyond(state: State) -> str:
    term = state.told.term
    return f"its state, {state.version}, is of a later leadership than {term}: it is not replicated"


def verdict_on_copy(rules: ReplicationRules, state: State) -> tuple[bool, str]:
    if not state.live.looked or work.unsnapped(state):
        return False, ""
    if work.too_many_asides(rules, state) and state.live.dirty:
        return False, "somebody writes to STATE_FILE here though no controllee of ours runs: end it"
    line, holder = lines.best(rules, state)
    if holder is not None or any(peer.failures for peer in state.peers if has_newer(state, peer)):
        return False, unfetched(state)
    lacks = newer(state.known, line.version if line else None)
    if state.held is None:
        return not lacks and settled(rules, state), ""
    if lag.too_old(rules, state):
        return False, stale(state, lacks=lacks) + given_up(state)
    return settled(rules, state) and not state.live.dirty, ""


def has_newer(state: State, peer: Peer) -> bool:
    line = peer.advert.line if peer.advert else None
    return line is not None and newer(line.version, state.version)


def unfetched(state: State) -> str:
    holders = [peer for peer in state.peers if has_newer(state, peer)]
    if any(peer.failures < work.TRIES for peer in holders):
        return ""
    names = ", ".join(peer.name for peer in holders)
    return f"newer state cannot be had from {names}: {holders[0].because}"


def stale(state: State, *, lacks: bool) -> str:
    if lacks:
        return f"state {state.known} is out of reach, and {state.version} here is too old"
    return f"{state.version} here is too old: nobody confirms for long that it is the newest"


def given_up(state: State) -> str:
    """The way out, where nobody leads who could mend it."""
    if state.led:
        return ""
    return f"; bring back who had the newest, or give it up: {ACCEPT} --accept-loss --reason WHY`"


def settled(rules: ReplicationRules, state: State) -> bool:
    """Everybody who may know something newer was heard, or had the time to speak."""
    if state.now >= state.began + rules.young_ms:
        return True
    return not any(not peer.up or unheard(rules, state, peer, 0) for peer in state.peers)


# --- to our next life ---


def note(rules: ReplicationRules, state: State) -> Decision:
    lacking = state.known if newer(state.known, state.version) else None
    noted = (lacking, state.others, state.founded)
    news = noted != state.noted and state.now >= state.note_due
    if not news and state.now < state.note_due + rules.note_ms:
        return Decision(state)
    due = Millis(state.now + rules.slow_beat_ms)
    state = replace(state, noted=noted, note_due=due)
    return Decision(state, (Note(state.known, lag.noted_ms(state), state.others),))
