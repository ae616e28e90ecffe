"""Every order of events in a small pool, to a depth: `python -m hadelect.sim.explore --minutes 10`.

Where the swarm throws dice, this tries everything: each message under way may be delivered next or
never, each member may be woken or left asleep, time may pass, a daemon may crash and start again.
The real core of three voters runs in mode majority; after every event the laws are judged: never
two controllees, never two leaders of one term, core/invariants.py.

What is reduced, and why nothing is lost by it:
1. A lost message is one that is never delivered; a paused member is one that is given nothing.
2. A newer Alive to a peer replaces an older one, as on the wire; so does a newer question or claim.
3. Disk and supervisor answer within the step: what waits for them is the swarm's matter, as are
   death notices (a crash gives none: the hardest case). Reports between standbys are lost.
4. Two states that are equal are one, in whatever order they came about. Time passes to the next
   instant at which anybody wants anything; that of all machines is one (drift is the swarm's).
5. It begins where it is dangerous: with a leader that all follow; with one that is backed by one
   voter only while the other member already asks for its place; and with that voter restarted.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from hadelect.core.invariants import broken
from hadelect.core.messages import PreVote
from hadelect.core.state import Phase, State
from hadelect.core.vocabulary import Arbitration, Role, Rules
from hadelect.sim.small import Node, Small, start
from hadelect.sim.world import REAL_CORE, Core, pool_of

POOLS = {"3 members": (3, 0), "2 members and a witness": (2, 1)}
TIMING = {"heartbeat_ms": 200, "lease_ms": 800, "margin_ms": 30, "round_ms": 100, "stagger_ms": 30}
CRASHES = 2  # On one path.
FRONTIER = 250_000  # Nodes of one depth that are kept: more do not fit into memory.
STARTS_AFTER = 400  # Rounds of the fair schedule within which a pool must have settled.


class Unsettled(Exception):
    """Not even when everything is delivered and woken in order."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search saw; `violation` names the law and the path to it."""

    pool: str
    states: int
    transitions: int
    depth: int  # All orders of so many events were tried.
    seconds: float
    violation: str = ""

    def __str__(self) -> str:
        rate = self.transitions / max(self.seconds, 0.001)
        verdict = self.violation or "no law broken"
        return (
            f"{self.pool}: {self.states} states, {self.transitions} transitions, whole to depth"
            f" {self.depth}, {self.seconds:.0f} s, {rate:.0f} transitions/s: {verdict}"
        )


def search(pool: str, depth: int, seconds: float, core: Core = REAL_CORE) -> Found:
    """Breadth first, until `depth`, the time, or the memory is over."""
    began = time.monotonic()
    size, witnesses = POOLS[pool]
    small = Small(pool_of(size, witnesses, Arbitration.MAJORITY, **TIMING), core)
    try:
        frontier = list(starts(small))
    except Unsettled as unsettled:
        return Found(pool, 0, 0, 0, time.monotonic() - began, str(unsettled))
    came: dict[int, tuple[int, str]] = {hash(node): (0, "start") for node in frontier}
    transitions = reached = 0
    while frontier and reached < depth and len(frontier) < FRONTIER:
        deeper: list[Node] = []
        for node in frontier:
            for action, after in successors(small, node):
                transitions += 1
                key = hash(after)
                if key in came:
                    continue
                came[key] = (hash(node), action)
                if law := broken_law(small.rules, after):
                    path = " > ".join(path_to(key, came))
                    spent = time.monotonic() - began
                    words = f"{law} after {reached + 1} events: {path}"
                    return Found(pool, len(came), transitions, reached, spent, words)
                deeper.append(after)
            if time.monotonic() - began > seconds:
                return Found(pool, len(came), transitions, reached, seconds)
        frontier = deeper
        reached += 1
    return Found(pool, len(came), transitions, reached, time.monotonic() - began)


def path_to(key: int, came: dict[int, tuple[int, str]]) -> list[str]:
    path: list[str] = []
    while key:
        key, action = came[key]
        path.append(action)
    return path[::-1]


# --- what may happen next ---


def successors(small: Small, node: Node) -> Iterator[tuple[str, Node]]:
    for parcel in dict.fromkeys(node.flying):
        if node.members[small.place(parcel.to)].state is not None:
            yield f"{parcel}", small.deliver(node, parcel)
    for place, member in enumerate(node.members):
        name = small.rules[place].me
        if member.state is None:
            yield f"{name} starts", small.boot(node, place)
            continue
        if small.wakes(place, member.state) <= node.now:
            yield f"{name} wakes", small.tick(node, place)
        if node.crashes < CRASHES:
            yield f"{name} crashes", small.crash(node, place)
    if (later := small.next_instant(node)) is not None:
        yield f"{later - node.now} ms pass", small.pass_until(node, later)


def broken_law(rules: tuple[Rules, ...], node: Node) -> str:
    """The law that does not hold here; empty = all do."""
    trees = [own.me for own, member in zip(rules, node.members, strict=True) if member.tree]
    if len(trees) > 1:
        return f"two controllees run: {', '.join(trees)}"
    led: list[int] = []
    for own, member in zip(rules, node.members, strict=True):
        state = member.state
        if state is None:
            continue
        if words := broken(own, state):
            return f"{own.me}: {words[0]}"
        if state.role is Role.LEADER:
            led.append(state.term)
    return "two leaders of one term" if len(set(led)) < len(led) else ""


# --- where it begins ---


def starts(small: Small) -> Iterator[Node]:
    settled = fairly(small, start(small), deaf=-1)
    yield settled
    contested = fairly(small, settled, deaf=1)
    yield contested
    yield asked_again(small, small.boot(small.crash(contested, 2), 2))


def fairly(small: Small, node: Node, deaf: int) -> Node:
    """All is delivered and woken in order, but `deaf` hears and is heard by nobody, until it asks
    all for their votes; -1: until all follow one leader.
    """
    for _ in range(STARTS_AFTER):
        states = [member.state for member in node.members]
        if stands(states[deaf]) if deaf >= 0 else settled(states):
            return node
        for parcel in node.flying:
            ends = (small.place(parcel.source), small.place(parcel.to))
            node = small.lose(node, parcel) if deaf in ends else small.deliver(node, parcel)
        for place, member in enumerate(node.members):
            if member.state is None:
                node = small.boot(node, place)
            elif small.wakes(place, member.state) <= node.now:
                node = small.tick(node, place)
        later = small.next_instant(node)
        if not node.flying and later is not None:
            node = small.pass_until(node, later)
    raise Unsettled("the pool does not settle on a fair schedule")


def asked_again(small: Small, node: Node) -> Node:
    """Only the candidate wakes, until it asks the voter that has restarted."""
    for _ in range(STARTS_AFTER):
        if any(
            isinstance(parcel.message, PreVote) and small.place(parcel.to) == 2
            for parcel in node.flying
        ):
            return node
        state = node.members[1].state
        later = small.next_instant(node)
        if state is not None and small.wakes(1, state) <= node.now:
            node = small.tick(node, 1)
        elif later is not None:
            node = small.pass_until(node, later)
    return node


def settled(states: list[State | None]) -> bool:
    leaders = {state.leader for state in states if state}
    return None not in leaders and len(leaders) == 1 and None not in states


def stands(state: State | None) -> bool:
    candidacy = state.candidacy if state else None
    return candidacy is not None and candidacy.phase is Phase.PREVOTE


# --- the command ---


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hadelect.sim.explore", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for each pool, side by side")
    parser.add_argument("--depth", type=int, default=1000, help="stop there")
    options = parser.parse_args()
    seconds = 60 * options.minutes
    with ProcessPoolExecutor(len(POOLS)) as pools:
        jobs = [pools.submit(search, pool, options.depth, seconds) for pool in POOLS]
        found = [job.result() for job in jobs]
    print(*found, sep="\n")
    return int(any(each.violation for each in found))


if __name__ == "__main__":
    sys.exit(main())
