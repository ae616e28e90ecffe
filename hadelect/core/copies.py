"""How old the copies of the state are by now.

Law: what a replication daemon said of its copy grows old with the time since, while another member
     leads: what that one writes meanwhile is not in it. The leader's own, or any while nobody
     leads, is as old as was said.
"""

from hadelect.core.frozen import replace
from hadelect.core.state import PeerView, State
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Millis, Role


def copy_now(state: State, now: Millis) -> Replica | None:
    """Our own."""
    leads = state.role is Role.LEADER
    return aged(state, state.replica, now - state.replica_at, leads=leads)


def copy_of(state: State, peer: PeerView, now: Millis) -> Replica | None:
    """A peer's."""
    leads = state.leader == peer.name
    return aged(state, said_by(peer), now - peer.said_at, leads=leads)


def said_by(peer: PeerView) -> Replica | None:
    return peer.standing.replica if peer.standing else None


def aged(state: State, said: Replica | None, since: int, *, leads: bool) -> Replica | None:
    if said is None or leads or state.leader is None:
        return said
    return replace(said, lag_ms=Millis(said.lag_ms + max(0, since)))
