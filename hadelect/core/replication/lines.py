"""Whose line is the newest, who has it, and what ours is made of.

Law 1: the newest line wins by its place (term, then sequence), never by who has it.
Law 2: only a peer whose stream is up and that was heard lately counts as reachable.
Law 3: what is about to be replaced is contained in what comes, or it is kept aside.
"""

from collections.abc import Iterator

from hadelect.core.frozen import replace
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import Peer, State
from hadelect.core.versions import Line, Version, contains, newer
from hadelect.core.vocabulary import NO_TERM, TERM_STRIDE, Name, Term


def reachable(rules: ReplicationRules, state: State) -> Iterator[tuple[Peer, Line | None]]:
    """The peers that can be asked for something now, and what each of them has."""
    for peer in state.peers:
        if peer.up and peer.advert and state.now - peer.heard_at < rules.silent_ms:
            yield peer, peer.advert.line


def best(
    rules: ReplicationRules, state: State, without: tuple[Name, ...] = ()
) -> tuple[Line | None, Peer | None]:
    """The newest line within reach, and from whom to get it: a leader first; None: it is ours."""
    line, holder = state.held, None
    for peer, theirs in reachable(rules, state):
        if theirs is None or peer.name in without or state.now < peer.avoid_until:
            continue
        mine = line.version if line else None
        if newer(theirs.version, mine):
            line, holder = theirs, peer
        elif holder and theirs == line and peer.advert and peer.advert.leads:
            holder = peer
    return line, holder


def writer(rules: ReplicationRules, version: Version) -> Name | str:
    """Who took it."""
    position = version.term % TERM_STRIDE
    return rules.members[position] if position < len(rules.members) else "a former member"


def author_of(rules: ReplicationRules, line: Line | None) -> Term:
    """The term of ours under which it was written; NO_TERM: by another."""
    return line.version.term if line and rules.wrote(line.version) else NO_TERM


def base(rules: ReplicationRules, state: State, term: Term) -> Line | None:
    """What the next version of this term goes on from.

    Almost always what is held. If our store was lost in the middle of a leadership, what others
    have of that very term: a place is never given twice.
    """
    line = state.held
    for _, theirs in reachable(rules, state):
        last = line.version if line else None
        if theirs is not None and theirs.version.term == term and newer(theirs.version, last):
            line = theirs
    if state.known is not None and state.known.term == term:
        last = line.version if line else None
        if newer(state.known, last):
            line = Line(state.known, line.ends if line and line.version.term == term else ())
    return line


def continues(state: State, term: Term) -> bool:
    """Whether versions of this term may follow what is held: no leader goes back."""
    return state.held is None or state.held.version.term <= term


def doomed(state: State, line: Line) -> str:
    """Why what is live must be kept aside before that line replaces it; empty = nothing is lost."""
    mine = state.version
    if state.live.dirty:
        after = f"after {mine}" if mine else "before the first version"
        return f"it was written to {after}, and {line.version} does not have that"
    if twice(state, line):
        return f"term {state.author} led twice, as a store was lost: {line.version} is the other's"
    if not contains(line, mine):
        return f"its line ended with {mine}, and {line.version} went on without that"
    return ""


def twice(state: State, line: Line) -> bool:
    """Whether it has more of a term of ours than we ever took, who alone take them."""
    mine = state.version
    if mine is None or mine.term != state.author:
        return False
    ends = (*line.ends, line.version.place)
    return any(term == mine.term and last > mine.sequence for term, last in ends)


def learn(state: State, version: Version | None) -> State:
    """Somebody names a version."""
    if not newer(version, state.known):
        return state
    return replace(state, known=version)
