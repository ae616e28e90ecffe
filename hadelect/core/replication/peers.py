"""What the other replication daemons say, and who of them is there."""

from hadelect.core.frozen import replace
from hadelect.core.replication import lag, lines
from hadelect.core.replication.effects import Emit, Matter
from hadelect.core.replication.events import Heard, PeerDown, PeerUp
from hadelect.core.replication.messages import Advert
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import LONG_AGO, Decision, Peer, State
from hadelect.core.versions import conflicting
from hadelect.core.vocabulary import NO_TERM, Name


def on_up(state: State, event: PeerUp) -> Decision:
    """A new stream: nothing that was said on an older one counts."""
    if state.peer(event.name) is None:
        return Decision(state)
    peer = Peer(event.name, up=True, heard_at=state.now, owed=True)
    return Decision(lag.follow(state.with_peer(peer)))


def on_down(state: State, event: PeerDown) -> Decision:
    peer = state.peer(event.name)
    if peer is None:
        return Decision(state)
    gone = replace(peer, up=False, advert=None, owed=False, avoid_until=LONG_AGO, failures=0)
    return Decision(lag.follow(state.with_peer(gone)))


def on_heard(rules: ReplicationRules, state: State, event: Heard) -> Decision:
    peer, said = state.peer(event.sender), event.advert
    if peer is None or not peer.up:
        return Decision(state)
    before = peer.advert
    if before is None or before.line != said.line:  # What it failed to give was another version.
        peer = replace(peer, avoid_until=LONG_AGO)
    asked = max(peer.asked, said.asks)
    peer = replace(
        peer,
        advert=said,
        usual=lag.usual(peer, said, state.now),
        heard_at=state.now,
        asked=asked,
        owed=peer.owed or asked > peer.asked,
    )
    state = lag.follow(state.with_peer(peer))
    state = lines.learn(state, said.line.version if said.line else None)
    state = lag.on_heard(rules, lines.learn(state, said.known), peer, said)
    return forked(state, event.sender, before)


def forked(state: State, name: Name, before: Advert | None) -> Decision:
    """Another content at the place of ours: a store was lost, and what it knew with it."""
    peer = state.peer(name)
    assert peer is not None
    assert peer.advert is not None
    line = peer.advert.line
    if line is None or not conflicting(line.version, state.version):
        return Decision(state)
    if before is not None and before.line == line:
        return Decision(state)
    words = f"{name} has another state {line.version} than ours: a store was lost or tampered with"
    told = Emit(Matter.CONFLICT, words, line.version, warning=True)
    if peer.advert.leads and not state.writes:  # What is here is kept aside before it goes.
        live = replace(state.live, dirty=True)
        state = replace(state, live=live, author=NO_TERM)
    return Decision(state, (told,))
