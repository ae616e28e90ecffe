"""A winner waits for its state: the newest that can be had becomes what is live, or nothing starts.

1. All that can be reached are asked what they have; who is still looking is waited for, a little.
2. What our own controllee wrote last is made a version first.
3. The newest line of all is fetched and installed, unless it is ours already. If nobody went on
   from ours, the live files are the truth, whatever was written to them since. So they are, whoever
   has what, where the controllee of the leadership in force starts again.
4. Missing files come back from what is held. What is still missing then, or newer and out of reach
   and too old to lose, needs an operator's consent.
"""

from hadelect.core.frozen import replace
from hadelect.core.replication import lag, lines, work
from hadelect.core.replication.effects import Emit, ErrandDone, Fetch, Install, Look, Matter
from hadelect.core.replication.events import Prepare
from hadelect.core.replication.messages import UNKNOWN_MS
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Decision, Peer, Preparing, State
from hadelect.core.versions import Line, newer
from hadelect.core.vocabulary import Millis

ACCEPT = "`hadelect state accept"


def on_prepare(rules: ReplicationRules, state: State, asked: Prepare) -> Decision:
    state = lines.learn(state, asked.known)
    until = Millis(max(state.now + rules.patience_ms, state.began + rules.young_ms))
    preparing = Preparing(asked.id, state.asks + 1, until)
    peers = tuple([replace(peer, avoid_until=state.now, owed=True) for peer in state.peers])
    return Decision(
        replace(state, preparing=preparing, asks=preparing.ask, peers=peers, again_at=state.now)
    )


def go_on(rules: ReplicationRules, state: State) -> Decision:
    """The next step of it, if nothing is under way."""
    preparing = state.preparing
    if preparing is None:
        return Decision(state)
    if state.work is not None:
        return hurry(rules, state, preparing)
    if preparing.broken:
        hint = f"; bring it back, or {ACCEPT} --accept-empty-state --reason WHY`"
        return refuse(state, f"{preparing.broken}{hint if state.live.missing else ''}")
    if not state.live.looked:
        return work.begin(state, Look)
    if work.unsnapped(state) and not preparing.snapped:
        return work.begin(state, work.snapshot(rules, state, full=True))
    if state.writes:
        return stay(rules, state, preparing)
    if waits(rules, state, preparing):
        return Decision(state)
    line, holder = lines.best(rules, state, preparing.without)
    if line is not None and holder is not None:
        return take(rules, state, line, holder)
    return stay(rules, state, preparing)


def hurry(rules: ReplicationRules, state: State, preparing: Preparing) -> Decision:
    """What was begun before is of use only if it brings the newest line."""
    doing = state.work
    if not isinstance(doing, Fetch) or state.unwanted:
        return Decision(state)
    source = state.peer(doing.source)
    line, _ = lines.best(rules, state, preparing.without)
    if source is not None and source.up and line == doing.line:
        return Decision(state)
    return work.cancel(state)


def waits(rules: ReplicationRules, state: State, preparing: Preparing) -> bool:
    if state.now >= preparing.until:
        return False
    line, _ = lines.best(rules, state, preparing.without)
    lacks = newer(state.known, line.version if line else None)
    young = state.now < state.began + rules.young_ms
    return any(
        unheard(rules, state, peer, preparing.ask) if peer.up else lacks or young
        for peer in state.peers
    )


def unheard(rules: ReplicationRules, state: State, peer: Peer, ask: int) -> bool:
    """It is there, and its answer is not, or it does not know yet itself."""
    if state.now - peer.heard_at >= rules.silent_ms:
        return False
    said = peer.advert
    return said is None or said.echoes < ask or not said.sure


def take(rules: ReplicationRules, state: State, line: Line, holder: Peer) -> Decision:
    if state.received == line:
        make = work.install(rules, state, line, bounded=False)
        assert make is not None
        return work.begin(state, make)
    return work.begin(state, work.fetch(holder.name, line))


def stay(rules: ReplicationRules, state: State, preparing: Preparing) -> Decision:
    """Ours is the newest that can be had."""
    if state.live.missing and not state.accepts_empty:
        held = state.held
        assert held is not None
        aside = lines.doomed(state, held) if state.live.dirty else ""
        return work.begin(state, lambda number: Install(number, held, aside))
    lost = missed(rules, state, preparing)
    if lost and not state.consent.loss and (preparing.without or lag.too_old(rules, state)):
        return refuse(state, f"{lost}; {remedy(rules, state)}")
    return done(rules, state, preparing, lost)


def missed(rules: ReplicationRules, state: State, preparing: Preparing) -> str:
    """What a start on what is here would lose; empty = nothing that anybody knows of."""
    if state.writes:
        return ""
    ours = f"here is {state.version}" if state.version else "here is no copy at all"
    if newer(state.known, state.version):
        assert state.known is not None
        if preparing.without:
            tried = ", ".join(dict.fromkeys(preparing.without))
            return f"state {state.known} could not be had from {tried}: {preparing.because}"
        wrote = lines.writer(rules, state.known)
        return f"state {state.known}, which {wrote} wrote, is out of reach, {ours}"
    if lag.too_old(rules, state):
        return f"nobody has confirmed for long that {state.version} is the newest state"
    return ""


def remedy(rules: ReplicationRules, state: State) -> str:
    limit = rules.max_lag_ms / 1000
    wrote = lines.writer(rules, state.known) if state.known else "the last leader"
    return (
        f"bring {wrote} back, or give it up: {ACCEPT} --accept-loss --reason WHY` here"
        f" (up to REPLICATION_MAX_LAG, {limit:g} s, is given up unasked)"
    )


def age(state: State) -> str:
    length = lag.lag_ms(state)
    if length >= UNKNOWN_MS:
        return "nobody knows how much"
    return f"at most the changes of {length / 1000:.1f} s"


def done(rules: ReplicationRules, state: State, preparing: Preparing, lost: str) -> Decision:
    effects: list[Emit] = []
    because = ""
    if lost:
        why = f"accepted: {state.consent.loss}" if state.consent.loss else "within the limit"
        because = f"{lost}: {age(state)} are lost ({why})"
        effects.append(Emit(Matter.LOSS, because, state.known, warning=True))
    if state.live.missing:
        because = f"started on nothing ({state.live.missing}), accepted: {state.accepts_empty}"
        effects.append(Emit(Matter.LOSS, because, state.version, warning=True))
    elif state.live.dirty and not state.author and state.held is not None:
        words = f"the live files differ from {state.version} and are taken as they are"
        effects.append(Emit(Matter.LOSS, words, state.version, warning=True))
    ready = Emit(Matter.PREPARED, f"ready on {state.version or 'what is there'}", state.version)
    state = replace(state, preparing=None, refused="", given_up=state.known if lost else None)
    answer = ErrandDone(preparing.id, ok=True, because=because)
    return Decision(state, (*effects, ready, answer))


def refuse(state: State, because: str) -> Decision:
    preparing = state.preparing
    assert preparing is not None
    news = because != state.refused
    told = (Emit(Matter.REFUSED, because, state.known, warning=True),) if news else ()
    state = replace(state, preparing=None, refused=because, failures=0, again_at=state.now)
    return Decision(state, (*told, ErrandDone(preparing.id, ok=False, because=because)))
