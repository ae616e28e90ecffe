"""A leader's last write reaches another member before the leadership goes: or the time is over."""

from hadelect.core.frozen import replace
from hadelect.core.replication import lines
from hadelect.core.replication.effects import Emit, ErrandDone, Matter
from hadelect.core.replication.events import Flush
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Decision, Flushing, State
from hadelect.core.versions import Version


def on_flush(rules: ReplicationRules, state: State, asked: Flush) -> Decision:
    flushing = Flushing(asked.id, asked.term, asked.successor, state.now)
    state = replace(state, flushing=flushing, author=asked.term, again_at=state.now)
    return Decision(state)


def go_on(rules: ReplicationRules, state: State) -> Decision:
    flushing = state.flushing
    if flushing is None:
        return Decision(state)
    if not lines.continues(state, flushing.term):
        return end(state, f"here is {state.version} of a later leadership: nothing is taken")
    lasted = state.now - flushing.since
    if not flushing.snapped:
        if state.live.missing:
            return end(state, f"nothing is left to take: {state.live.missing}")
        late = lasted >= rules.flush_ms
        return end(state, state.trouble or "it takes too long") if late else Decision(state)
    holders = [
        peer.name
        for peer, line in lines.reachable(rules, state)
        if line is not None and line.version == state.version
    ]
    wanted = flushing.successor
    if state.held is None or wanted in holders or (wanted is None and holders):
        return end(state, "")
    if lasted >= rules.flush_ms:
        return end(state, f"{wanted or 'nobody'} has not confirmed {state.version} in time")
    if lasted >= rules.silent_ms and not any_up(state, wanted):
        who = wanted or "any other member"
        return end(state, f"the replication daemon of {who} cannot be reached")
    return Decision(state)


def any_up(state: State, wanted: str | None) -> bool:
    return any(peer.up for peer in state.peers if wanted in {None, peer.name})


def end(state: State, because: str) -> Decision:
    flushing = state.flushing
    assert flushing is not None
    version: Version | None = state.version
    words = f"{version} is at {flushing.successor or 'another member'}"
    if because:
        words = f"{version} is not known to be elsewhere: {because}"
    told = Emit(Matter.FLUSHED, words, version, warning=bool(because))
    state = replace(state, flushing=None, flushed=state.flushed or not because)
    return Decision(state, (told, ErrandDone(flushing.id, ok=not because, because=because)))
