"""What a member's view of its peers explains: who is not there, who could not lead, who hears whom.

Also all that can be said of a member that does not answer for itself.
"""

from collections.abc import Iterator

from hadelect.core.messages import Standing
from hadelect.core.reasons import Reason, Topic, hindrance, reason
from hadelect.core.render import because
from hadelect.core.state import LONG_AGO, PeerView, State
from hadelect.core.views import leader_lives, reaches, seconds
from hadelect.core.vocabulary import Millis, Role, Rules


def peer_lines(rules: Rules, state: State, now: Millis) -> Iterator[Reason]:
    for peer in state.peers:
        yield from presence(rules, peer, now)
        if reaches(rules, peer, now):
            yield from usefulness(rules, state, peer, now)


def presence(rules: Rules, peer: PeerView, now: Millis) -> Iterator[Reason]:
    """Why a peer is not reached."""
    if peer.refused_because:
        yield reason(Topic.PEER_REFUSED, peer=peer.name, because=peer.refused_because)
    elif peer.gone:
        yield reason(Topic.PEER_GONE, peer=peer.name)
    elif peer.heard_at == LONG_AGO:
        yield reason(Topic.PEER_NEVER_HEARD, peer=peer.name)
    elif not reaches(rules, peer, now):
        silence = seconds(now - peer.heard_at)
        yield reason(Topic.PEER_SILENT, peer=peer.name, silence_seconds=silence)


def usefulness(rules: Rules, state: State, peer: PeerView, now: Millis) -> Iterator[Reason]:
    said = peer.standing
    if said is None:
        return
    ours = state.leader if state.role is Role.LEADER or leader_lives(state, now) else None
    if said.leader not in (None, ours, rules.me, peer.name):
        hears = str(said.leader)
        yield hindrance(Topic.PEER_HEARS_LEADER, peer=peer.name, leader=hears, term=said.term)
    why = "" if peer.name in rules.identity.witnesses else could_not_lead(said)
    if why:
        yield reason(Topic.PEER_COULD_NOT_LEAD, peer=peer.name, because=why)


def could_not_lead(said: Standing) -> str:
    """By its own word; empty = it could."""
    if not said.fit:
        return said.unfit_because or "it is not fit"
    if said.drained:
        return because(reason(Topic.DRAINED))
    return because(reason(Topic.MUTE)) if said.mute else ""


# --- a peer that does not answer ---


def peer_headline(rules: Rules, peer: PeerView, now: Millis) -> Reason:
    said = peer.standing
    if said is None or peer.heard_at == LONG_AGO:
        return reason(Topic.NEVER_HEARD, member=peer.name, told_by=rules.me)
    return reason(
        Topic.HEARSAY,
        member=peer.name,
        told_by=rules.me,
        silence_seconds=seconds(now - peer.heard_at),
        role=said.role.value,
        term=said.term,
    )


def peer_details(rules: Rules, state: State, peer: PeerView, now: Millis) -> Iterator[Reason]:
    for line in presence(rules, peer, now):
        yield Reason(line.topic, line.facts, holds_back=True)
    if peer.name in rules.identity.witnesses:
        yield hindrance(Topic.WITNESS)
    for line in usefulness(rules, state, peer, now):
        yield Reason(line.topic, line.facts, holds_back=True)
    if state.leader not in (None, peer.name) and (
        state.role is Role.LEADER or leader_lives(state, now)
    ):
        leader, term = str(state.leader), state.term
        silence = seconds(0 if state.role is Role.LEADER else now - state.heard_at)
        yield reason(
            Topic.FOLLOWS, member=peer.name, leader=leader, term=term, silence_seconds=silence
        )
