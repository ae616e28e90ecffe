"""The gate before the controllee: what stands between a leader and a start on the replicated state.

1. Elections never wait for versions. The winner does: it starts on the newest state that it heard
   of, which it fetches first if another one holds it.
2. Fast path: ready, and nobody that is heard has or knows anything newer: no question, no delay.
3. What the controllee wrote is elsewhere before Resign, or the time for that is over.
4. Whether live files may be started on is the replication daemon's to say; nothing is guessed here.
5. Where nothing is replicated (`state.replica` is None) every function here is an identity.
"""

from collections.abc import Iterator

from hadelect.core import hooks
from hadelect.core.copies import said_by
from hadelect.core.effects import Cancel, Effect, Emit, Run
from hadelect.core.frozen import replace
from hadelect.core.replication.events import Told
from hadelect.core.state import Decision, Gate, Leading, Leaving, PeerView, State
from hadelect.core.versions import Replica, Version, conflicting, newer, newest
from hadelect.core.views import best_successor, candidates, leader_lives, reaches
from hadelect.core.vocabulary import Cause, Errand, Millis, Name, Role, Rules

UNKNOWN_YET = Replica(problem="the replication daemon has not answered yet")


def start(rules: Rules, state: State, cause: Cause, old: Name | None = None) -> Decision:
    """Of the controllee, in the leadership in force: at once, or once its state is there."""
    mine = state.replica
    if mine is None or (mine.ready and awaited(rules, state, mine) is None):
        return hooks.start(rules, state, cause, old)
    run = Run(state.errand_serial + 1, Errand.PREPARE_STATE, state.term, cause, old, rules.me)
    state = replace(state, gate=Gate(run, state.now), errand_serial=run.id)
    told = Emit(Role.LEADER, state.term, f"does not start yet: {waits_for(rules, state, mine)}")
    return Decision(state, (told, run))


def waits_for(rules: Rules, state: State, mine: Replica) -> str:
    """What a start lacks, in words."""
    wanted = awaited(rules, state, mine)
    if wanted is None:
        return mine.problem or "its replication daemon is not ready"
    version, holder = wanted
    here = f"here is {mine.version}" if mine.version else "here is none"
    return f"waits for state {version}{f' from {holder}' if holder else ''}, {here}"


def awaited(rules: Rules, state: State, mine: Replica) -> tuple[Version, Name | None] | None:
    """The newest state that anybody is heard of to have or to know, and who holds it; None = ours.

    Another content at the place of ours is not ours.
    """
    best, holder = mine.version, None
    for version, name in claims(rules, state, mine):
        forked = best == mine.version and conflicting(version, best)
        if forked or newer(version, best):
            best, holder = version, name
    return None if best is None or best == mine.version else (best, holder)


def claims(
    rules: Rules, state: State, mine: Replica
) -> Iterator[tuple[Version | None, Name | None]]:
    """Who holds what, before what is only known of."""
    heard = [(peer.name, said) for peer, said in replicas(rules, state)]
    yield from ((said.version, name) for name, said in heard)
    yield from ((said.known, None) for _, said in heard)
    yield mine.known, None


def replicas(rules: Rules, state: State) -> Iterator[tuple[PeerView, Replica]]:
    """What the peers that are reached say of their copies."""
    for peer in state.peers:
        said = said_by(peer)
        if said is not None and reaches(rules, peer, state.now):
            yield peer, said


def newest_heard(rules: Rules, state: State) -> Version | None:
    """What the replication daemon should know of before it says that ours is the newest."""
    copies = [said for _, said in replicas(rules, state)]
    return newest(version for said in copies for version in (said.version, said.known))


def told_of(state: State) -> Told:
    """What the replication daemon must know of the leadership."""
    leading = state.leading
    if state.role is Role.LEADER and leading is not None:
        return Told(state.leader, state.term, leads=True, started=leading.started)
    return Told(state.leader if leader_lives(state, state.now) else None, state.term)


# --- while it waits ---


def tick(state: State) -> Decision:
    """A preparation that failed is tried again."""
    gate = state.gate
    if gate.run is None or gate.retry_at is None or state.now < gate.retry_at:
        return Decision(state)
    run = replace(gate.run, id=state.errand_serial + 1, term=state.term)
    state = replace(state, gate=replace(gate, run=run, retry_at=None), errand_serial=run.id)
    return Decision(state, (run,))


def dropped(state: State) -> tuple[State, tuple[Effect, ...]]:
    """Nobody waits for the state any more."""
    gate = state.gate
    if gate.run is None:
        return state, ()
    asked = gate.retry_at is None
    return replace(state, gate=Gate()), (Cancel(gate.run.id),) if asked else ()


# --- the last copy ---


def owes_flush(state: State, leading: Leading) -> bool:
    """Something ran in this leadership, and its last state was not asked for yet."""
    return state.replica is not None and leading.started and not state.gate.flushed


def flush(rules: Rules, state: State, leaving: Leaving) -> Decision:
    number, to = state.errand_serial + 1, leaving.successor
    run = Run(number, Errand.FLUSH_STATE, state.term, leaving.cause, rules.me, to)
    gate = Gate(run, state.now, flushed=True)
    return Decision(replace(state, gate=gate, errand_serial=number), (run,))


# --- who could go on with it ---


def is_current(rules: Rules, state: State) -> bool:
    """Good enough to ask for the leadership with."""
    return state.replica is None or not too_old(rules, state, state.replica)


def too_old(rules: Rules, state: State, said: Replica | None) -> bool:
    """A copy that would hold up (or spoil) a planned move. Nobody has one yet: then none is."""
    if state.replica is None or said is None:
        return False
    if said.version is None:
        known = (state.replica, *(theirs for _, theirs in replicas(rules, state)))
        return any(one.version is not None for one in known)
    return said.lag_ms > rules.max_lag_ms


def successor(rules: Rules, state: State) -> Name | None:
    """To whom to leave: the most senior whose copy is not too old, else the most senior."""
    fresh = (
        peer.name
        for peer in candidates(rules, state, state.now)
        if not too_old(rules, state, said_by(peer))
    )
    first = min(fresh, key=rules.position, default=None)
    return first or best_successor(rules, state, state.now)


def heir(rules: Rules, state: State, mine: Replica) -> Name | None:
    """Who could start at once on a state that nobody reached has a newer one of, as we cannot."""
    copies = list(replicas(rules, state))
    fit = [peer.name for peer in candidates(rules, state, state.now)]
    held = [mine.version, *(said.version for _, said in copies)]
    could = (
        peer.name
        for peer, said in copies
        if peer.name in fit
        and said.ready
        and not said.problem
        and not any(newer(version, said.version) for version in held)
    )
    return min(could, key=rules.position, default=None)


def handover_refusal(rules: Rules, state: State, to: Name | None) -> str:
    """Why a planned move would lose changes, or hold up the start; empty = it would not."""
    mine = state.replica
    if mine is None:
        return ""
    if mine.problem:
        return f"its last changes could not be handed over: {mine.problem}; --force moves anyway"
    theirs = said_by(state.peer(to)) if to is not None else None
    if theirs is None or not too_old(rules, state, theirs):
        return ""
    return f"{to}'s state is too old: {age(theirs)}; let it catch up, or --force"


def age(said: Replica) -> str:
    """`7.42, 3.1 s behind`."""
    if said.version is None:
        return "it has no copy yet"
    return f"{said.version}, {seconds(said.lag_ms):.1f} s behind"


def seconds(length_ms: Millis) -> float:
    return length_ms / 1000
